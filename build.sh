#!/usr/bin/env bash
# Builds everything: the programs into build/, and the solution with its tests.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
"$here/scripts/bootstrap.sh" run
"$here/scripts/build.sh" hook twins twinsd twin admin solution
