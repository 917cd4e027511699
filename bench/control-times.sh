#!/usr/bin/env bash
# What the control of a move costs, apart from CRIU: the time of each operation for 100, 1,000 and 10,000 connections of one
# process, as twinsd logs it, in moves there and back. In a lab of its own.
# Usage: bench/control-times.sh [MOVES] [CONNECTIONS...]
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
python3 "$root/bench/control_times.py" "$@"
