#!/usr/bin/env bash
# Runs a command in a Debian root of its own, build/wine-root, which has wine for 32-bit and 64-bit programs and a
# display: the Inno Setup compiler and the installer it makes are 32-bit, and Debian's 32-bit wine doesn't install
# beside a newer libc. The repository is /twins there. Processes, mounts and network are the command's own: whatever
# it leaves running ends with it, nothing is mounted afterwards, and no network is reached.
# Where the kernel runs no 32-bit programs (CONFIG_IA32_EMULATION is off, or its hypervisor can't), qemu runs them.
# Usage: wine-root.sh COMMAND [ARGUMENT...]     root; WINEPREFIX as /twins/...
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

root=$build_directory/wine-root
suite=bookworm
packages=(wine wine64 wine32:i386 xvfb xauth)
ready=$root/.ready-$(echo "$suite ${packages[*]}" | sha256sum | cut -c1-16)
# The one of $suite never ends wineboot.
emulator_suite=trixie
emulator=usr/bin/qemu-i386

# in_root ROOT COMMAND...
in_root() {
  local root=$1
  shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$root" "$@"
}

# In a mount namespace of its own, which takes its mounts along when it ends, also when it is killed.
fill() {
  local mirror=$1
  debootstrap --variant=minbase --arch=amd64 "$suite" "$root.new" "$mirror" || return 1
  mount --bind /dev "$root.new/dev"
  mount -t proc proc "$root.new/proc"
  printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d"
  chmod 755 "$root.new/usr/sbin/policy-rc.d"
  in_root "$root.new" dpkg --add-architecture i386 &&
    in_root "$root.new" apt-get -qq update &&
    in_root "$root.new" apt-get -qq --yes -o Acquire::Retries=3 install --no-install-recommends "${packages[@]}" &&
    in_root "$root.new" apt-get -qq clean
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

runs_32_bit() { "$root/lib/ld-linux.so.2" --version >/dev/null 2>&1; }

# One program of a newer Debian's package; it needs no library.
fetch_emulator() {
  local mirror=$1 place=$root/emulator
  rm -rf "$place"
  mkdir -p "$place/lists/partial"
  echo "deb [arch=amd64] $mirror $emulator_suite main" >"$place/sources.list"
  local apt=(apt-get -qq -o Dir::Etc::SourceList=/emulator/sources.list -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists=/emulator/lists -o APT::Sandbox::User=root -o Acquire::Retries=3)
  in_root "$root" "${apt[@]}" update &&
    in_root "$root" sh -c 'cd /emulator && exec "$@"' sh "${apt[@]}" download qemu-user &&
    dpkg-deb --fsys-tarfile "$place"/qemu-user_*.deb | tar --extract --directory "$place" "./$emulator" &&
    mv "$place/$emulator" "$root/$emulator"
}

add_emulator() {
  local mirror log=$build_directory/log/wine-root-emulator.log
  mkdir -p "$build_directory/log"
  : >"$log"
  while read -r mirror; do
    say "this kernel runs no 32-bit programs: adding qemu-user of $emulator_suite to build/wine-root from $mirror"
    if fetch_emulator "$mirror" >>"$log" 2>&1 </dev/null; then
      rm -rf "$root/emulator"
      return
    fi
  done < <(debian_mirrors)
  rm -rf "$root/emulator"
  tail -n 5 "$log" >&2
  die "this kernel runs no 32-bit programs, and no emulator could be had (above is why); all it said is in $log" \
    "It needs a Debian mirror in /etc/apt that has $emulator_suite, or a kernel that runs them (CONFIG_IA32_EMULATION, ia32_emulation=on)."
}

[[ $EUID == 0 ]] || die "wine-root.sh makes namespaces and needs root."
# Not the build lock: a build that needs the root holds that one.
mkdir -p "$build_directory"
exec {lock_descriptor}>>"$build_directory/.wine-root.lock"
flock "$lock_descriptor"
if [[ ! -e $ready ]]; then make_root; fi
emulated=
if ! runs_32_bit; then
  if [[ ! -e $root/$emulator ]]; then add_emulator; fi
  emulated=yes
fi
exec {lock_descriptor}>&-

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
    if ! WINEDLLOVERRIDES="mscoree,mshtml=" timeout 300 wineboot --init >/tmp/wineboot.log 2>&1; then
      echo "wine-root.sh: wineboot makes no prefix:" >&2
      tail -n 5 /tmp/wineboot.log >&2
      exit 1
    fi
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
namespaces='
  set -euo pipefail
  root=$1 repository=$2 emulator=$3 inside=$4
  shift 4
  ip link set lo up
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount --bind "$repository" "$root/twins"
  if [[ -n $emulator ]]; then
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    # 32-bit ELF of i386, a program (2) or a shared object (3).
    printf "%s" ":i386:M::\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00:\xff\xff\xff\xff\xff\xfe\xfe\xfc\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:$emulator:F" \
      >/proc/sys/fs/binfmt_misc/register
  fi
  status=0
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 WINEPREFIX="${WINEPREFIX:-/twins/build/wine/root}" WINEDEBUG="${WINEDEBUG--all}" \
    DOTNET_EnableWriteXorExecute=0 chroot "$root" /bin/sh -c "$inside" sh "$@" || status=$?
  exit "$status"
'
run=(unshare --mount --pid --net --ipc --fork --kill-child
  "$BASH" -c "$namespaces" bash "$root" "$root_directory" "${emulated:+$root/$emulator}" "$inside" "$@")
if [[ -n $emulated ]]; then
  # binfmt_misc is each user namespace's own (Linux 6.7): in one that maps every user to itself, nobody else's programs are run so.
  map_users() {
    until [[ $(readlink "/proc/$1/ns/user") != "$(readlink /proc/self/ns/user)" ]]; do sleep 0.01; done
    echo '0 0 4294967295' >"/proc/$1/gid_map"
    echo '0 0 4294967295' >"/proc/$1/uid_map"
  }
  map_users $$ &
  # shellcheck disable=SC2016 # expanded there
  run=(unshare --user "$BASH" -c 'until read -r _ </proc/self/uid_map; do sleep 0.01; done; exec "$@"' bash "${run[@]}")
fi
exec env -u LD_PRELOAD "${run[@]}"
