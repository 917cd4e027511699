#!/usr/bin/env bash
# Time and memory of a hold of many connections: 100, 1,000 and 10,000 of one process, with one packet of each held.
# The time until all are answered after the release is printed beside that of the same requests without a hold.
# In a lab of its own, some two minutes.
# Usage: bench/held-connections.sh [ROUNDS]
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)

"$root/scripts/bootstrap.sh" run test
"$root/scripts/build.sh" hook twins twinsd twin
export TWINS_HOME=$root TWINS_LAB=/run/twins-lab-bench-$$
cleanup() {
  trap '' INT TERM
  "$root/build/twins/twins" lab down >&2 || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ulimit -n "$(ulimit -Hn)"
"$root/build/twins/twins" lab up --nodes home,host1 --outsiders peer >&2
python3 "$root/bench/held_connections.py" "$@"
