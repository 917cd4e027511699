#!/usr/bin/env bash
# Runs the tests of the tray: in a network namespace of their own, on a screen of their own (Xvfb) with a window manager,
# under wine, with the programs for Windows and the WinDivert rig (tests/rigs/windivert) for a driver.
# Pictures are left in build/test/tray. Usage: run.sh PROGRAM [ARGUMENT...]   root
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../scripts/common.sh"
"$here/../rigs/wintwin/prepare.sh"
for program in Xvfb openbox import; do
  command -v "$program" >/dev/null || die "$program is missing: scripts/bootstrap.sh run test"
done
rig=$build_directory/rigs
pictures=$build_directory/test/tray
rm -rf "$pictures"
mkdir -p "$rig/tray" "$pictures"
x86_64-w64-mingw32-gcc -O1 -std=c17 -Wall -Wextra -Werror -D_WIN32_WINNT=0x0A00 -o "$rig/tray/echo.exe" "$here/../rigs/winnode/echo.c" -lws2_32

limit=300 # seconds; some 60 are needed
machine=twins-tray-tests-$$ mark=0x5744
work=$(mktemp -d)
children=()
cleanup() {
  trap - EXIT INT TERM
  local process
  for process in "${children[@]}"; do
    kill -9 "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  ip netns delete "$machine" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ip netns add "$machine"
ip -n "$machine" link set lo up
ip -n "$machine" link add veth0 type veth peer name veth1
ip -n "$machine" address add 10.212.0.1/24 dev veth0
ip -n "$machine" link set veth0 up
ip -n "$machine" link set veth1 up
for protocol in tcp udp icmp; do
  ip netns exec "$machine" iptables -t mangle -A OUTPUT ! -o lo -p "$protocol" -m mark ! --mark "$mark" -j NFQUEUE --queue-num 10 --queue-bypass
  ip netns exec "$machine" iptables -t mangle -A PREROUTING ! -i lo -p "$protocol" -m mark ! --mark "$mark" -j NFQUEUE --queue-num 11 --queue-bypass
done

start() { # LOG COMMAND...
  local log=$1
  shift
  nsenter --net="/run/netns/$machine" -- "$@" >"$work/$log" 2>&1 </dev/null &
  children+=($!)
}
wait_for() { # FILE TEXT
  local deadline=$((SECONDS + 30))
  until grep -q "$2" "$work/$1" 2>/dev/null; do
    if ((SECONDS > deadline)); then die "this isn't ready: $(cat "$work/$1")"; fi
    sleep 0.05
  done
}
export TWINS_RIG_SOCKET=$work/socket
start bridge "$rig/windivert/bridge" --socket "$TWINS_RIG_SOCKET" --mark "$mark" --queue 10 --queue 11
wait_for bridge ready
# It chooses a free display, and writes its number when it takes clients.
start display Xvfb -displayfd 1 -screen 0 720x400x24 -nolisten tcp
wait_for display '^[0-9]'
DISPLAY=:$(grep -m 1 '^[0-9]' "$work/display")
export DISPLAY
start openbox openbox --sm-disable

# The tests can't start programs of Linux: they ask for a picture by a file, NAME.want, and get NAME.ppm and NAME.png.
photograph() {
  local want name
  while true; do
    for want in "$pictures"/*.want; do
      if [[ ! -e $want ]]; then continue; fi
      name=${want%.want}
      rm "$want"
      import -window root "$name.png" && convert "$name.png" -depth 8 "$name.new.ppm" && mv "$name.new.ppm" "$name.ppm"
    done
    sleep 0.1
  done
}
photograph >"$work/pictures" 2>&1 </dev/null &
children+=($!)

export TWINS_TRAY_PROGRAMS=Z:$rig/windows TWINS_TRAY_ECHO=Z:$rig/tray/echo.exe TWINS_TRAY_PICTURES=Z:$pictures LC_ALL=C.UTF-8
prefix=$build_directory/wine/tray-tests
# Of a run that was interrupted: its programs have another network and another screen.
WINEPREFIX=$prefix wineserver -k 2>/dev/null || true
nsenter --net="/run/netns/$machine" -- timeout --kill-after=10 "$limit" "$root_directory/scripts/wine.sh" "$prefix" "$@"
