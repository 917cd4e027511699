#!/usr/bin/env bash
# Runs a command in a Debian root of its own, build/wine-root, which has wine for 32-bit and 64-bit programs and a
# display: the Inno Setup compiler and the installer it makes are 32-bit, and Debian's 32-bit wine doesn't install
# beside a newer libc. The repository is /twins there. Processes, mounts and network are the command's own: whatever
# it leaves running ends with it, nothing is mounted afterwards, and no network is reached.
# Usage: wine-root.sh COMMAND [ARGUMENT...]     root; WINEPREFIX as /twins/...
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

root=$build_directory/wine-root
suite=bookworm
packages=(wine wine64 wine32:i386 xvfb xauth)
ready=$root/.ready-$(echo "$suite ${packages[*]}" | sha256sum | cut -c1-16)

in_root() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$root.new" "$@"
}

# In a mount namespace of its own, which takes its mounts along when it ends, also when it is killed.
fill() {
  local mirror=$1
  debootstrap --variant=minbase --arch=amd64 "$suite" "$root.new" "$mirror" || return 1
  mount --bind /dev "$root.new/dev"
  mount -t proc proc "$root.new/proc"
  printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d"
  chmod 755 "$root.new/usr/sbin/policy-rc.d"
  in_root dpkg --add-architecture i386 &&
    in_root apt-get -qq update &&
    in_root apt-get -qq --yes -o Acquire::Retries=3 install --no-install-recommends "${packages[@]}" &&
    in_root apt-get -qq clean
}

make_root() {
  local mirror log=$build_directory/log/wine-root.log
  command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap, and start again."
  mkdir -p "$build_directory/log"
  : >"$log"
  while read -r mirror; do
    say "making a root with 32-bit wine in build/wine-root from $mirror"
    rm -rf --one-file-system "$root.new" "$root"
    if unshare --mount "$BASH" -c "$(declare -f fill in_root); set -euo pipefail; suite=$suite root='$root' packages=(${packages[*]}); fill '$mirror'" \
      >>"$log" 2>&1 </dev/null {lock_descriptor}>&-; then
      mkdir -p "$root.new/twins"
      rm -rf "$root.new"/var/lib/apt/lists/*
      mv "$root.new" "$root"
      : >"$ready"
      return
    fi
  done < <(debian_mirrors)
  rm -rf --one-file-system "$root.new"
  tail -n 5 "$log" >&2
  die "no root with wine could be made (above is why); all it said is in $log" \
    "It needs a Debian mirror in /etc/apt that has $suite for amd64 and i386."
}

[[ $EUID == 0 ]] || die "wine-root.sh makes namespaces and needs root."
if [[ ! -e $ready ]]; then
  # Not the build lock: a build that needs the root holds that one.
  mkdir -p "$build_directory"
  exec {lock_descriptor}>>"$build_directory/.wine-root.lock"
  flock "$lock_descriptor"
  if [[ ! -e $ready ]]; then make_root; fi
  exec {lock_descriptor}>&-
fi

# Runs in the root: the display first, then the command.
# shellcheck disable=SC2016 # expanded there
inside='
  export DISPLAY=:7
  Xvfb "$DISPLAY" -screen 0 1280x1024x24 -nolisten tcp >/tmp/xvfb.log 2>&1 &
  tries=0
  until [ -S /tmp/.X11-unix/X7 ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 200 ]; then echo "wine-root.sh: no display:" >&2; cat /tmp/xvfb.log >&2; exit 1; fi
    sleep 0.05
  done
  cd /twins
  if [ ! -e "$WINEPREFIX/.ready" ]; then
    mkdir -p "$WINEPREFIX"
    # mscoree and mshtml would ask for a download. Later the first is needed: it loads the libraries of .NET.
    WINEDLLOVERRIDES="mscoree,mshtml=" timeout 180 wineboot --init >/dev/null 2>&1 || exit 1
    timeout 60 wineserver -w
    touch "$WINEPREFIX/.ready"
  fi
  status=0
  "$@" || status=$?
  # It writes the registry when it ends by a word.
  wineserver -k || true
  exit "$status"
'
# shellcheck disable=SC2016 # likewise, in the namespaces
exec env -u LD_PRELOAD unshare --mount --pid --net --ipc --fork --kill-child "$BASH" -c '
  set -euo pipefail
  root=$1 repository=$2 inside=$3
  shift 3
  ip link set lo up
  mount --bind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount --bind "$repository" "$root/twins"
  status=0
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 WINEPREFIX="${WINEPREFIX:-/twins/build/wine/root}" WINEDEBUG="${WINEDEBUG--all}" \
    DOTNET_EnableWriteXorExecute=0 chroot "$root" /bin/sh -c "$inside" sh "$@" || status=$?
  exit "$status"
' bash "$root" "$root_directory" "$inside" "$@"
