#!/usr/bin/env bash
# Runs the tests in the WinDivert rig (tests/rigs/windivert): two machines, each a network namespace.
#   near 10.211.0.1   the tests, under wine with a wineserver of their own, and the bridge
#   far  10.211.0.2   far.py: echoes on port 7001, and connects where it is told on port 7002
# Every second checksum is left to offload. Usage: run.sh PROGRAM [ARGUMENT...]   root
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../scripts/common.sh"
rig=$build_directory/rigs/windivert
make --no-print-directory --silent -C "$here/../rigs/windivert" OUTPUT="$rig" WINDIVERT="$build_directory/windivert" ||
  die "the rig can't be built: gcc, gcc-mingw-w64-x86-64 and scripts/fetch-windivert.sh are needed"
cp "$rig"/WinDivert.dll "$rig"/WinDivertReal.dll "$(dirname "$1")"

near=windivert-tests-$$-near far=windivert-tests-$$-far mark=0x5744
work=$(mktemp -d)
export TWINS_RIG_SOCKET=$work/socket
bridge='' peer=''
cleanup() {
  trap - EXIT INT TERM
  local process
  for process in $peer $bridge; do
    kill -9 "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  ip netns delete "$near" 2>/dev/null || true
  ip netns delete "$far" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ip netns add "$near"
ip netns add "$far"
ip -n "$near" link add veth0 type veth peer name veth0 netns "$far"
for machine in "$near" "$far"; do ip -n "$machine" link set lo up; done
ip -n "$near" address add 10.211.0.1/24 dev veth0
ip -n "$far" address add 10.211.0.2/24 dev veth0
for machine in "$near" "$far"; do ip -n "$machine" link set veth0 up; done
for protocol in tcp udp icmp; do
  ip netns exec "$near" iptables -t mangle -A OUTPUT -p "$protocol" -m mark ! --mark "$mark" -j NFQUEUE --queue-num 10 --queue-bypass
  ip netns exec "$near" iptables -t mangle -A PREROUTING ! -i lo -p "$protocol" -m mark ! --mark "$mark" -j NFQUEUE --queue-num 11 --queue-bypass
done

wait_for_line() { # FILE PROCESS
  local deadline=$((SECONDS + 30))
  until grep -q ready "$1" 2>/dev/null; do
    if ((SECONDS > deadline)) || ! kill -0 "$2" 2>/dev/null; then die "this isn't ready: $(cat "$1")"; fi
    sleep 0.05
  done
}
nsenter --net="/run/netns/$near" -- "$rig/bridge" --socket "$TWINS_RIG_SOCKET" --mark "$mark" --queue 10 --queue 11 --offload 50 >"$work/bridge" 2>&1 &
bridge=$!
nsenter --net="/run/netns/$far" -- python3 "$here/far.py" >"$work/far" 2>&1 &
peer=$!
wait_for_line "$work/bridge" "$bridge"
wait_for_line "$work/far" "$peer"
nsenter --net="/run/netns/$near" -- "$root_directory/scripts/wine.sh" "$build_directory/wine/rig-tests" "$@"
