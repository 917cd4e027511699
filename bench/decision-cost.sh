#!/usr/bin/env bash
# What the decision about one redirected segment and its rewriting cost, in time and allocations, against a copy of the
# segment and against PacketDotNet.
# Usage: bench/decision-cost.sh [BENCHMARKDOTNET-OPTION...]
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)

"$root/scripts/bootstrap.sh" run
dotnet build "$root/bench/DecisionCost" --configuration Release --disable-build-servers -nologo -verbosity:quiet
cd "$root/build"
dotnet "$root/bench/DecisionCost/bin/Release/net10.0/DecisionCost.dll" --artifacts "$root/build/bench/decision-cost" "$@"
