#!/usr/bin/env bash
# What one twin costs: time from its start until its control endpoint takes connections, and memory when it is
# ready, beside a socat that listens (a relay process of the usual kind). In a network namespace of its own.
# Usage: bench/twin-cost.sh [STARTS]
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)

"$root/scripts/bootstrap.sh" run bench
"$root/scripts/build.sh" twin
exec unshare --net python3 "$root/bench/twin_cost.py" "$root/build/twin/twin" "$@"
