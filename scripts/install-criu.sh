#!/usr/bin/env bash
# Puts a CRIU that really works here behind build/criu/criu, and its version into build/criu/version.
# The system's is taken when it passes the probe. Otherwise a newer Debian's criu is unpacked with all
# its libraries into build/criu/root and started through its own loader: nothing of the system changes.
# The package lists, the download and their state are private to build/; signatures are checked
# against the machine's debian-archive-keyring, the mirror is the one the machine uses.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

probe=$root_directory/scripts/probe-criu.sh
place=$build_directory/criu
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$place"

# write_wrapper DIRECTORY COMMAND...: DIRECTORY/criu runs COMMAND with its arguments, descriptors kept.
write_wrapper() {
  local directory=$1
  shift
  printf '#!/bin/sh\n# Made by scripts/install-criu.sh.\nexec %s "$@"\n' "$*" >"$directory/criu.new"
  chmod 755 "$directory/criu.new"
  mv -f "$directory/criu.new" "$directory/criu"
}

version_of() { "$1" --version 2>/dev/null | sed -n 's/^Version: *//p'; }

accept() {
  version_of "$place/criu" >"$place/version"
  say "CRIU $(<"$place/version") ($1) dumps and restores a connection on this kernel"
  exit 0
}

# What is there already may still do (new kernel, new scripts).
if [[ -x $place/criu ]] && "$probe" "$place/criu" 2>/dev/null; then accept "as before"; fi

system_criu=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v criu || true)
if [[ -n $system_criu ]]; then
  if why=$("$probe" "$system_criu" 2>&1); then
    rm -rf "$place/root"
    write_wrapper "$place" "'$system_criu'"
    accept "$system_criu"
  fi
  say "$system_criu does not work on this kernel: ${why:-no reason given}"
fi

work=$place/apt
prepare_apt() {
  rm -rf "$work"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  : >"$work/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$1" "$2" >"$work/sources.list"
  cat >"$work/apt.conf" <<CONF
#clear APT::Update;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
Dir::State "$work";
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Log "$work";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
}
private_apt() { apt-get -qq -c "$work/apt.conf" "$@" </dev/null >"$work/output" 2>&1; }

# unpack_into DIRECTORY: the packages of the private cache, and a wrapper that runs CRIU from them.
unpack_into() {
  local package loader libraries
  for package in "$work"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$1"; done
  loader=$(find "$1" -name 'ld-linux*.so.*' ! -type d -print -quit)
  [[ -n $loader && -x $1/usr/sbin/criu ]] || return 1
  libraries=$(find "$1/usr/lib" "$1/lib" -name 'lib*.so.*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)
  # Paths relative to the wrapper, so that the repository can be moved.
  printf '%s\n%s\n' "${loader#"$1"}" "${libraries//$1/}" >"$1/loader"
}

try_suite() {
  local mirror=$1 suite=$2 loader libraries
  prepare_apt "$mirror" "$suite"
  private_apt update || return 1
  private_apt --yes --download-only install criu || return 1
  rm -rf "$place/root.new"
  mkdir -p "$place/root.new"
  unpack_into "$place/root.new" || return 1
  { read -r loader; read -r libraries; } <"$place/root.new/loader"
  rm -rf "$place/root" && mv "$place/root.new" "$place/root"
  # shellcheck disable=SC2016 # expanded by the wrapper
  cat >"$place/criu.new" <<WRAPPER
#!/bin/sh
# Made by scripts/install-criu.sh: CRIU with its own loader and libraries.
r=\${0%/*}/root
exec "\$r$loader" --inhibit-cache --library-path "\$r$(printf '%s' "$libraries" | sed 's#:#:$r#g')" "\$r/usr/sbin/criu" "\$@"
WRAPPER
  chmod 755 "$place/criu.new"
  mv -f "$place/criu.new" "$place/criu"
}

[[ -r $keyring ]] || die "$keyring is missing: apt-get install debian-archive-keyring."
trap 'rm -rf "$work" "$place/root.new" "$place/criu.new"' EXIT
reason='no Debian mirror is configured in /etc/apt'
while read -r mirror; do
  for suite in forky sid; do
    say "fetching CRIU from Debian $suite into build/criu (the system is not changed)"
    if ! try_suite "$mirror" "$suite"; then
      reason=$(grep -m1 '^E:' "$work/output" 2>/dev/null || echo "E: $suite could not be fetched")
      continue
    fi
    if why=$("$probe" "$place/criu" 2>&1); then accept "Debian $suite, in build/criu"; fi
    reason=$why
    rm -f "$place/criu"
  done
done < <(debian_mirrors)
die "No CRIU works on this machine: $reason" \
  "CRIU 4.2 or newer is needed; install one as 'criu' in PATH and start again." \
  "Without it nothing else of Twins can move a program."
