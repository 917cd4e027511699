#!/usr/bin/env bash
# What the hook costs per connect on loopback: with nobody listening, with a receiver that reads, and
# with one whose queue is full. Runs take turns; the median of the medians counts. The goal is at
# most 20 microseconds more.
# Usage: bench/hook-cost.sh [TURNS [CONNECTS]]
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)
turns=${1:-7} connects=${2:-4000}

"$root/scripts/build.sh" hook
directory=$(mktemp -d)
receiver=''
cleanup() {
  if [[ -n $receiver ]]; then kill "$receiver" 2>/dev/null || true; fi
  rm -rf "$directory"
}
trap cleanup EXIT
gcc -O2 -Wall -Wextra -Werror -o "$directory/hook-cost" "$root/bench/hook-cost.c"

# One socket that is read and one that never is.
python3 -c '
import socket, sys
reading, full = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
full.bind(sys.argv[2])
reading.bind(sys.argv[1])
while True:
    reading.recv(256)
' "$directory/reading" "$directory/full" &
receiver=$!
until [[ -S $directory/reading ]]; do kill -0 "$receiver" && sleep 0.05; done

library=$root/build/hook/libtwins-hook.so
measure() {
  case $1 in
    without) "$directory/hook-cost" "$connects" ;;
    *) TWINS_HOOK_SOCKET=$directory/$1 LD_PRELOAD=$library "$directory/hook-cost" "$connects" ;;
  esac >>"$directory/$1.times"
}
cases=(without nobody reading full)
for ((turn = 0; turn < turns; turn++)); do
  for case in "${cases[@]}"; do measure "$case"; done
done

median() { sort -n "$directory/$1.times" | sed -n "$(((turns + 1) / 2))p"; }
base=$(median without)
printf '%-34s %10s %10s %8s\n' 'connect() on loopback' 'us' 'more, us' 'ratio'
for case in "${cases[@]}"; do
  case $case in
    without) label='without the hook' ;;
    nobody) label='hook, nobody listens' ;;
    reading) label='hook, receiver reads' ;;
    full) label='hook, receiver stopped, queue full' ;;
  esac
  awk -v label="$label" -v base="$base" -v value="$(median "$case")" \
    'BEGIN { printf "%-34s %10.1f %10.1f %8.2f\n", label, value / 1000, (value - base) / 1000, value / base }'
done
