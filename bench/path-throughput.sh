#!/usr/bin/env bash
# What a redirected connection carries, against plain forwarding by the kernel through the same node in the same run: one
# stream and eight, both directions, small segments, and requests of 50 clients. Beside it the same through conntrack's NAT,
# socat, haproxy, and a C program on NFQUEUE that does what a twin does (nfqueue-relay.c). In a lab of its own, some two minutes.
# Usage: bench/path-throughput.sh [SECONDS-PER-TEST [ROUNDS [PATH...]]]
#   PATH  of: forward twins captured nfqueue-c nat socat haproxy; all if none is named
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)

"$root/scripts/bootstrap.sh" run test bench
"$root/scripts/build.sh" hook twins twinsd twin
mkdir -p "$root/build/bench"
gcc -O2 -Wall -Wextra -Werror -o "$root/build/bench/nfqueue-relay" "$root/bench/nfqueue-relay.c"
export TWINS_HOME=$root TWINS_LAB=/run/twins-lab-bench-$$
cleanup() {
  trap '' INT TERM
  "$root/build/twins/twins" lab down >&2 || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

"$root/build/twins/twins" lab up --nodes home,host1 --outsiders peer >&2
python3 "$root/bench/path_throughput.py" "$@"
