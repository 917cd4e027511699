#!/usr/bin/env bash
# What passes through the Windows half's packet path, in the WinDivert rig under wine (tests/rigs/windivert): our capturing and
# sending, and a whole twin.exe that redirects, each against a C program that does the same calls without a decision, and against
# the rig's bridge alone. Two machines, each a network namespace of its own:
#   near 10.211.0.1   the bridge, and the Windows programs
#   far  10.211.0.2   the other end; for a redirected connection both ends
# Ends by itself in some five minutes, and with all that it started. Speed here says nothing about Windows.
# Usage: bench/windows-diverter.sh [SECONDS-PER-TEST [ROUNDS [ROW...]]]    root
#   ROW   of: bridge c diverter c-redirect twin; all if none is named
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)

"$root/scripts/bootstrap.sh" run test bench
"$root/tests/rigs/wintwin/prepare.sh" # twin.exe beside the stand-in for WinDivert.dll
programs=$root/build/rigs/windows
dotnet build "$root/bench/WindowsDiverter" --configuration Release --disable-build-servers -nologo -verbosity:quiet
diverter=$root/bench/WindowsDiverter/bin/Release/net10.0/win-x64
cp "$programs"/WinDivert.dll "$programs"/WinDivertReal.dll "$diverter"
x86_64-w64-mingw32-gcc -O2 -std=gnu17 -Wall -Wextra -Werror -static -I"$root/build/windivert" -o "$programs/windows-relay.exe" \
  "$root/bench/windows-relay.c" "$programs/WinDivert.dll" -lws2_32

export WINEPREFIX=$root/build/wine/bench
status=0 # 2: usage. It makes the prefix, and shows that the program starts.
"$root/scripts/wine.sh" "$WINEPREFIX" "$diverter/WindowsDiverter.exe" >/dev/null 2>&1 || status=$?
[[ $status == 2 ]] || { echo "WindowsDiverter.exe doesn't start under wine (exit code $status)" >&2; exit 1; }
exec {lock}>>"$WINEPREFIX/.lock"
flock --nonblock "$lock" || { echo "another run of this is under way" >&2; exit 1; }

near=twins-bench-$$-near far=twins-bench-$$-far work=$(mktemp -d) measuring=''
cleanup() {
  trap - EXIT INT TERM
  local machine process
  if [[ -n $measuring ]]; then
    kill -9 "$measuring" 2>/dev/null || true
    wait "$measuring" 2>/dev/null || true
  fi
  for machine in "$near" "$far"; do
    for process in $(ip netns pids "$machine" 2>/dev/null); do kill -9 "$process" 2>/dev/null || true; done
    ip netns delete "$machine" 2>/dev/null || true
  done
  wineserver -k {lock}>&- 2>/dev/null || true
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
# What comes in, which is all that a twin captures.
ip netns exec "$near" iptables -t mangle -A PREROUTING ! -i lo -p tcp -j NFQUEUE --queue-num 11 --queue-bypass

export TWINS_RIG_SOCKET=$work/socket
python3 "$root/bench/windows_diverter.py" "$near" "$far" "$work" "$@" {lock}>&- &
measuring=$!
wait "$measuring"
