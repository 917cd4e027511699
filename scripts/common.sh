# shellcheck shell=bash
# What the scripts share. Sourced, not run.

root_directory=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
build_directory=$root_directory/build

# Everything that a person reads goes to stderr: stdout belongs to the CLI.
say() { printf 'twins: %s\n' "$*" >&2; }

# die MESSAGE...: every further argument is a line of its own.
die() {
  local line
  for line in "$@"; do say "$line"; done
  exit 1
}

# Takes the build lock for the rest of the script; a second run waits here. What may outlive the
# script is started with {lock_descriptor}>&-, or it would keep the lock.
take_build_lock() {
  mkdir -p "$build_directory" 2>/dev/null || true
  if [[ ! -w $build_directory ]]; then
    die "$build_directory can't be written by $(id -un): run it as the owner of the directory first."
  fi
  exec {lock_descriptor}>>"$build_directory/.lock"
  if ! flock --nonblock "$lock_descriptor"; then
    say "another build is running, waiting for it"
    flock "$lock_descriptor"
  fi
}

# Every repository that the machine's own apt configuration names, Debian's own first.
debian_mirrors() {
  # shellcheck disable=SC2016 # $(...) is apt's format, not the shell's
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    grep -v security | awk '!seen[$0]++ { if ($0 ~ /\/debian\/?$/) print; else rest = rest $0 "\n" } END { printf "%s", rest }'
}
