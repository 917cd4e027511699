#!/usr/bin/env bash
# Builds all that build/rigs/wintwin/twin starts. Returns at once when it is there.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../../scripts/common.sh"
"$root_directory/scripts/fetch-windivert.sh"
"$root_directory/scripts/build.sh" windows
rig=$build_directory/rigs
make --no-print-directory --silent -C "$here/../windivert" OUTPUT="$rig/windivert" WINDIVERT="$build_directory/windivert" &&
  make --no-print-directory --silent -C "$here" OUTPUT="$rig/wintwin" ||
  die "the rig can't be built: gcc and gcc-mingw-w64-x86-64 are needed"
# The programs with the stand-in for the driver's DLL.
mkdir -p "$rig/windows"
cp --recursive --update "$build_directory"/windows/. "$rig/windows"
cp "$rig"/windivert/WinDivert.dll "$rig"/windivert/WinDivertReal.dll "$rig/windows"
# Wrong arguments: it only makes the prefix, and shows that the program starts.
status=0
"$root_directory/scripts/wine.sh" "$build_directory/wine/wintwin" "$rig/windows/twin.exe" >/dev/null 2>&1 || status=$?
[[ $status == 2 ]] || die "twin.exe doesn't start under wine (exit code $status)"
