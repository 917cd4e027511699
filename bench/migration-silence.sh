#!/usr/bin/env bash
# What a client sees of a migration, and of packets that are held instead of dropped. In a lab of its own.
#   moves   the client's longest silence beside the time that the process was frozen, for programs of several sizes that go
#           home, host1, host2, home; and beside CRIU alone, which dumps and restores the same program in place
#   held    the client's longest silence when a process is stopped and its packets are held by Twins, or dropped by nft
# Each takes some two minutes. Usage: bench/migration-silence.sh [moves|held] [ROUNDS [PROGRAM...]]
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)

"$root/scripts/bootstrap.sh" run test
"$root/scripts/build.sh" hook twins twinsd twin
export TWINS_HOME=$root TWINS_LAB=/run/twins-lab-bench-$$
# Not below /tmp, of which each machine has its own.
directory=$(mktemp -d "$root/build/bench.XXXXXX")
cleanup() {
  trap '' INT TERM
  "$root/build/twins/twins" lab down >&2 || true
  rm -rf "$directory"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
gcc -O2 -Wall -Wextra -Werror -o "$directory/silence" "$root/bench/silence.c"

"$root/build/twins/twins" lab up --nodes home,host1,host2 --outsiders peer >&2
python3 "$root/bench/migration_silence.py" "$directory/silence" "$@"
