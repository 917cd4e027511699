#!/usr/bin/env bash
# Runs a Windows program under wine, with a wine of its own: a prefix, made where it is missing, and the
# wineserver that belongs to it, which ends with the program.
# Usage: wine.sh PREFIX PROGRAM [ARGUMENT...]
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

export WINEPREFIX=$1
shift
export WINEDEBUG=${WINEDEBUG--all}
# With pages that are mapped twice, .NET under wine 8 dies or hangs now and then when it frees code that it has made.
export DOTNET_EnableWriteXorExecute=0
command -v wine >/dev/null || die "wine is missing: apt-get install wine wine64, and start again."

if [[ ! -e $WINEPREFIX/.ready ]]; then
  say "making a wine prefix"
  # Of a run that was interrupted while it made one: wine can't go on with it.
  if [[ -e $WINEPREFIX/dosdevices ]]; then
    wineserver -k >/dev/null 2>&1 || true
    rm -rf "$WINEPREFIX"
  fi
  mkdir -p "$WINEPREFIX"
  # mscoree and mshtml would ask for a download. Later the first is needed: it loads .NET's own libraries.
  WINEDLLOVERRIDES='mscoree,mshtml=' timeout 180 wine wineboot --init >/dev/null 2>&1 || die "wine can't make a prefix in $WINEPREFIX"
  # .NET takes it for Windows 7 otherwise.
  timeout 60 wine winecfg -v win10 >/dev/null 2>&1 || die "wine can't set its version of Windows"
  # A service manager that is about to end with these would be the program's, and forget what it is told.
  timeout 60 wineserver -w || wineserver -k || true
  touch "$WINEPREFIX/.ready"
fi

trap 'wineserver -k >/dev/null 2>&1 || true' EXIT
wine "$@"
