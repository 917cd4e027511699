#!/usr/bin/env bash
# Builds everything, or what is named: ./build.sh deb, ./build.sh installer. The words are those of scripts/build.sh.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# Some need more of the machine: scripts/packages.txt has groups of their names.
"$here/scripts/bootstrap.sh" run "$@"
if (($# == 0)); then set -- hook twins twinsd twin admin solution; fi
exec "$here/scripts/build.sh" "$@"
