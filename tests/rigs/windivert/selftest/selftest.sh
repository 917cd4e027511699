#!/usr/bin/env bash
# Checks the WinDivert rig: two network namespaces, a bridge and Windows programs under Wine in the first.
# Prints a row per fact and `N passed, N failed`. Usage: selftest.sh [OUTPUT]   root; OUTPUT as in the Makefile
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
rig=$(dirname "$here")
build=$(readlink -f "$rig/../../..")/build
output=$(readlink -m "${1:-$build/rigs/windivert}")
for program in wine wineserver x86_64-w64-mingw32-gcc iptables ip python3; do
  command -v "$program" >/dev/null || { echo "selftest: $program is missing: apt-get install wine gcc-mingw-w64-x86-64 iptables iproute2 python3" >&2; exit 2; }
done
[[ -f $build/windivert/WinDivert.dll ]] || { echo "selftest: WinDivert isn't there: run scripts/fetch-windivert.sh" >&2; exit 2; }
make --no-print-directory --silent -C "$rig" OUTPUT="$output" WINDIVERT="$build/windivert"

export WINEPREFIX=$build/wine/windivert-rig WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
mkdir -p "$WINEPREFIX"
exec {lock}>>"$WINEPREFIX/.lock"
flock --nonblock "$lock" || { echo "selftest: another one is running" >&2; exit 2; }

near=windivert-rig-$$-near far=windivert-rig-$$-far
mark=0x5744
work=$(mktemp -d)
export TWINS_RIG_SOCKET=$work/socket
bridge='' server='' relay='' relay_input=''
passed=0 failed=0

cleanup() {
  trap - EXIT INT TERM
  local process
  for process in $relay $server $bridge; do
    kill -9 "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  wineserver -k {lock}>&- 2>/dev/null || true
  ip netns delete "$near" 2>/dev/null || true
  ip netns delete "$far" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

row() { # row STATUS SENTENCE
  if [[ $1 == 0 ]]; then
    passed=$((passed + 1))
    echo "ok     $2"
  else
    failed=$((failed + 1))
    echo "FAILED $2"
  fi
}
check() { # check SENTENCE COMMAND...
  local sentence=$1 status=0
  shift
  "$@" >"$work/output" 2>&1 || status=$?
  row "$status" "$sentence"
  if [[ $status != 0 ]]; then sed 's/^/       /' "$work/output" | tail -n 5; fi
}

in_near() { nsenter --net="/run/netns/$near" -- "$@"; }

# start NAMESPACE COMMAND...: in the background, without what must not outlive the script; its number is in $!.
start() {
  local namespace=$1
  shift
  (exec nsenter --net="/run/netns/$namespace" -- "$@" {lock}>&-) <&0 &
}

# wait_for PATTERN FILE PROCESS: a line of the file; ends early when the process has.
wait_for() {
  local deadline=$((SECONDS + 30))
  until grep -q -- "$1" "$2" 2>/dev/null; do
    if ((SECONDS > deadline)) || ! kill -0 "$3" 2>/dev/null; then
      grep -q -- "$1" "$2" && return 0
      echo "no '$1' in:" && cat "$2"
      return 1
    fi
    sleep 0.05
  done
}
wait_for_end() { # wait_for_end PROCESS: its exit status, 99 when it goes on
  local deadline=$((SECONDS + 20)) status=0
  while kill -0 "$1" 2>/dev/null && [[ $(ps -o stat= -p "$1") != Z* ]]; do
    if ((SECONDS > deadline)); then return 99; fi
    sleep 0.05
  done
  wait "$1" 2>/dev/null || status=$?
  return "$status"
}

start_bridge() {
  start "$near" "$output/bridge" --socket "$TWINS_RIG_SOCKET" --mark "$mark" --queue 10 --queue 11 "$@" >"$work/bridge" 2>&1
  bridge=$!
  wait_for 'ready' "$work/bridge" "$bridge"
}
stop_bridge() {
  local status=0
  kill -TERM "$bridge"
  wait_for_end "$bridge" || status=$?
  bridge=''
  [[ $status == 0 && ! -e $TWINS_RIG_SOCKET ]] || { cat "$work/bridge"; return 1; }
}

# start_relay ARGUMENTS...: until it is ready, or has failed.
start_relay() {
  rm -f "$work/input"
  mkfifo "$work/input"
  exec {relay_input}<>"$work/input"
  start "$near" env --chdir="$output" wine probe.exe relay "$@" <"$work/input" >"$work/relay" 2>/dev/null {relay_input}>&-
  relay=$!
  wait_for '^ready' "$work/relay" "$relay"
}
stop_relay() { # by the end of its input; what it printed last is in $work/relay
  local status=0
  exec {relay_input}>&-
  wait_for_end "$relay" || status=$?
  relay=''
  [[ $status == 0 ]] || { cat "$work/relay"; return 1; }
}
talk() { in_near timeout 40 python3 "$here/echo.py" client "$1" 7001 "${@:2}"; }

# ---- the network: 10.211.0.1 near, 10.211.0.2 far; 10.211.99.99 is nobody's, its packets go to far ----

ip netns add "$near"
ip netns add "$far"
ip -n "$near" link add veth0 type veth peer name veth0 netns "$far"
ip -n "$near" link set lo mtu 65000 up
ip -n "$far" link set lo up
ip -n "$near" address add 10.211.0.1/24 dev veth0
ip -n "$far" address add 10.211.0.2/24 dev veth0
ip -n "$near" link set veth0 up
ip -n "$far" link set veth0 up
ip -n "$near" route add default via 10.211.0.2
for protocol in tcp udp; do
  in_near iptables -t mangle -A OUTPUT -p "$protocol" -m mark ! --mark "$mark" -j NFQUEUE --queue-num 10 --queue-bypass
  in_near iptables -t mangle -A PREROUTING ! -i lo -p "$protocol" -m mark ! --mark "$mark" -j NFQUEUE --queue-num 11 --queue-bypass
done
start "$far" python3 "$here/echo.py" server 10.211.0.2 7001 >"$work/server" 2>&1
server=$!
wait_for ready "$work/server" "$server"

# Its own wineserver, in the namespace: sockets of Windows programs are the server's. A new prefix takes a while.
wineserver -k 2>/dev/null || true
if [[ ! -f $WINEPREFIX/system.reg ]]; then
  echo 'selftest: making a Wine prefix'
  in_near timeout 120 wineboot --init >/dev/null 2>&1 {lock}>&-
fi

# ---- rows ----

start_bridge
(cd "$output" && exec nsenter --net="/run/netns/$near" -- timeout 60 wine probe.exe check) >"$work/check" 2>/dev/null {lock}>&- || true
while IFS= read -r line; do
  case $line in
  'ok '*) row 0 "${line#ok     }" ;;
  FAILED*) row 1 "${line#FAILED }" ;;
  done*) ;;
  *) echo "$line" ;;
  esac
done < <(tr -d '\r' <"$work/check")
check 'the program of these rows came to its end' grep -q '^done' "$work/check"

check 'without a handle a TCP stream passes' talk 10.211.0.2 4

start_relay 'tcp and (localPort == 7001 or remotePort == 7001)'
check 'a TCP stream passes through a handle, the same bytes both ways' talk 10.211.0.2 16
check 'a shutdown drains the handle' stop_relay
check 'all of its packets came through the handle' grep -Eq 'end 232: [0-9]{4,} packets, 0 changed, 0 offloaded' "$work/relay"

start_relay 'tcp and (localPort == 7001 or remotePort == 7001)' 10.211.99.99 10.211.0.2
check 'a client that talks to an address that is nowhere is served by another machine' talk 10.211.99.99 16
check 'its relay ends' stop_relay
check 'every packet was rewritten' grep -Eq 'end 232: ([0-9]{4,}) packets, \1 changed' "$work/relay"
check 'without the relay that address is nowhere' bash -c "! nsenter --net=/run/netns/$near timeout 1 python3 $here/echo.py client 10.211.99.99 7001 1"

start_relay 'tcp'
check 'the program is killed in the middle of a stream, the stream goes on' talk 10.211.0.2 16 "$relay"
wait_for_end "$relay" || true
relay=''
exec {relay_input}>&-

start_relay 'tcp'
kill -STOP "$relay"
check 'the program hangs and is ended, traffic goes on' bash -c "sleep 1; kill -KILL $relay; exec nsenter --net=/run/netns/$near timeout 40 python3 $here/echo.py client 10.211.0.2 7001 4"
wait_for_end "$relay" || true
relay=''
exec {relay_input}>&-
check 'the bridge ends when it is asked to' stop_bridge
check 'without a bridge traffic passes' talk 10.211.0.2 4

start_bridge --offload 50
start_relay 'tcp' 10.211.99.99 10.211.0.2
check 'with every second checksum offloaded the rewritten stream is the same' talk 10.211.99.99 16
check 'its relay ends' stop_relay
check 'half of the packets had no checksum' python3 - "$work/relay" <<'PYTHON'
import re, sys
packets, offloaded = map(int, re.search(r"end 232: (\d+) packets, \d+ changed, (\d+) offloaded", open(sys.argv[1]).read()).groups())
sys.exit(0 if abs(packets - 2 * offloaded) <= 2 else f"{offloaded} of {packets}")
PYTHON
start_relay 'tcp'
check 'and one that goes back unchanged' talk 10.211.0.2 4
check 'its relay ends' stop_relay
stop_bridge

start_bridge --refuse 5
start_relay true >/dev/null || true
check 'a bridge that refuses: WinDivertOpen fails with its error' grep -q 'failed: 5' "$work/relay"
relay=''
exec {relay_input}>&-
stop_bridge

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
