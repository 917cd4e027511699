#!/usr/bin/env bash
# Makes the machine ready: Debian packages, .NET SDK check, a CRIU that works on this kernel.
# Usage: bootstrap.sh [GROUP...]   groups of packages.txt; default: run
# Says what it installs, on stderr. Done once: a stamp under build/ makes the next call return at once.
# As another user than root it only checks and says what to install.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

scripts=$root_directory/scripts
groups=("${@:-run}")

# The stamp names what the set-up depended on: these scripts, the list and the running kernel.
fingerprint() {
  { uname -r; cat "$scripts"/{bootstrap,common,install-criu,probe-criu}.sh "$scripts/packages.txt"; } | sha256sum | cut -c1-32
}
print=$(fingerprint)
stamp=$build_directory/.bootstrap

is_done() {
  local group
  for group in "${groups[@]}"; do
    [[ -e $stamp/$print-$group ]] || return 1
  done
  [[ -x $build_directory/criu/criu ]]
}
is_done && exit 0

wanted_packages() {
  local group package rest wanted
  while read -r group package rest; do
    for wanted in "${groups[@]}"; do
      if [[ $group == "$wanted" ]]; then printf '%s\n' "$package"; fi
    done
  done <"$scripts/packages.txt" | sort -u
}

# Node.js from elsewhere than Debian brings its npm along, and Debian's package would be in its way.
without_foreign_npm() {
  if command -v npm >/dev/null; then sed '/^npm$/d'; else cat; fi
}

missing_packages() {
  local installed
  # shellcheck disable=SC2016 # ${...} is dpkg's format
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${binary:Package}\n' "$@" 2>/dev/null || true)
  comm -13 <(sed -n 's/^installed \([^:]*\).*/\1/p' <<<"$installed" | sort -u) <(printf '%s\n' "$@")
}

# Installed packages must not start services: redis and nginx are programs to us. invoke-rc.d asks
# policy-rc.d(8); 101 means "not allowed". What was there before comes back, also after a crash.
policy=/usr/sbin/policy-rc.d
saved_policy=$policy.before-twins
restore_policy() {
  if [[ -e $saved_policy ]]; then
    mv -f "$saved_policy" "$policy"
  elif [[ -e $policy ]] && grep -qs '^# made by twins' "$policy"; then
    rm -f "$policy"
  fi
}
forbid_service_starts() {
  restore_policy
  if [[ -x $policy ]]; then
    local answer=0
    "$policy" redis-server start >/dev/null 2>&1 || answer=$?
    if [[ $answer == 101 ]]; then return; fi
  fi
  if [[ -e $policy ]]; then mv "$policy" "$saved_policy"; fi
  trap restore_policy EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\n# made by twins while it installs packages\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

apt_log=$build_directory/apt.log
apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >"$apt_log" 2>&1
}

install_packages() {
  local package unit fresh_units=()
  for package in "$@"; do
    case $package in
      redis-server) fresh_units+=(redis-server.service) ;;
      nginx-light) fresh_units+=(nginx.service) ;;
    esac
  done
  say "installing Debian packages: $*"
  forbid_service_starts
  # A simulation tells whether the package lists are there and current enough.
  if ! apt_get --simulate install --no-install-recommends "$@"; then
    say "updating the package lists"
    apt_get update || say "apt-get update had problems; trying with what there is"
  fi
  if ! apt_get --yes install --no-install-recommends "$@"; then
    apt_get update || true
    if ! apt_get --yes install --no-install-recommends "$@"; then
      grep '^[EW]:' "$apt_log" >&2 || tail -n 20 "$apt_log" >&2
      die "apt-get could not install: $*" "All it said is in $apt_log. Repair that, and start again."
    fi
  fi
  restore_policy
  # A unit that was just installed would start with the next boot.
  if command -v systemctl >/dev/null; then
    for unit in "${fresh_units[@]}"; do
      systemctl disable --quiet "$unit" 2>/dev/null || true
    done
  fi
}

check_sdk() {
  local wanted
  wanted=$(sed -n 's/.*"version": *"\([0-9]*\.[0-9]*\)\..*/\1/p' "$root_directory/global.json")
  command -v dotnet >/dev/null ||
    die "The .NET SDK $wanted is needed and there is no 'dotnet' in PATH." \
      "Install it from https://dotnet.microsoft.com/download/dotnet/$wanted and start again."
  (cd "$root_directory" && dotnet --version >/dev/null 2>&1) ||
    die "The .NET SDK $wanted is needed; installed are: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')" \
      "Install it from https://dotnet.microsoft.com/download/dotnet/$wanted and start again."
}

command -v dpkg-query >/dev/null || die "This set-up knows Debian 12 and newer, and here is no dpkg." \
  "Install what scripts/packages.txt lists by other means; see README.md."

mapfile -t packages < <(wanted_packages | without_foreign_npm)
if [[ $EUID != 0 ]]; then
  mapfile -t missing < <(missing_packages "${packages[@]}")
  if ((${#missing[@]})); then say "not installed (as root: apt-get install ${missing[*]})"; fi
  [[ -x $build_directory/criu/criu ]] || say "no CRIU prepared yet: run scripts/bootstrap.sh as root once; programs can't move before that"
  check_sdk
  exit 0
fi

take_build_lock
if is_done; then exit 0; fi
check_sdk
mapfile -t missing < <(missing_packages "${packages[@]}")
if ((${#missing[@]})); then install_packages "${missing[@]}"; fi
"$scripts/install-criu.sh" {lock_descriptor}>&-

mkdir -p "$stamp"
find "$stamp" -type f ! -name "$print-*" -delete
for group in "${groups[@]}"; do : >"$stamp/$print-$group"; done
