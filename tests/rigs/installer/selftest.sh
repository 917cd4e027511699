#!/usr/bin/env bash
# Installs, upgrades and removes Twins for Windows under wine, 32- and 64-bit (README.md).
# Prints a row per fact and `N passed, N failed`. Usage: selftest.sh     root; scripts/bootstrap.sh run installer
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../../scripts/common.sh"

"$root_directory/scripts/build.sh" windows installer
version=$(sed -n 's/.*<Version>\(.*\)<\/Version>.*/\1/p' "$root_directory/Directory.Build.props")
rig=$build_directory/rigs/installer
mkdir -p "$rig"
make --no-print-directory --silent -C "$here/../windivert" OUTPUT="$rig" CFLAGS='-O2 -static' "$rig/bridge"
make --no-print-directory --silent -C "$here/../windivert" OUTPUT="$rig" WINDIVERT="$build_directory/windivert" "$rig/WinDivert.dll" "$rig/WinDivertReal.dll"

# The programs with the stand-in for the driver's DLL, and two setup programs with them: this version and one before.
stamp=$build_directory/.stamps/installer
if [[ ! $rig/TwinsSetup-0.0.9.exe -nt $stamp ]]; then
  rm -rf "$rig/windows"
  cp --archive --link "$build_directory/windows" "$rig/windows"
  rm "$rig/windows/WinDivert.dll"
  cp "$rig"/WinDivert.dll "$rig"/WinDivertReal.dll "$rig/windows"
  for made in "$version" 0.0.9; do
    "$root_directory/scripts/installer.sh" "$made" build/rigs/installer
    touch "$rig/TwinsSetup-$made.exe"
  done
fi

# A prefix, made once, and a copy of it for each run. Services have the environment that the registry names:
# where the driver's stand-in finds its bridge, and as in scripts/wine.sh.
prefix=$build_directory/wine/installer
if [[ ! -e $prefix-template/.set-up ]]; then
  rm -rf "$prefix-template"
  for variable in TWINS_RIG_SOCKET=/tmp/bridge DOTNET_EnableWriteXorExecute=0; do
    WINEPREFIX=/twins/build/wine/installer-template "$root_directory/scripts/wine-root.sh" wine reg add \
      'HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment' /v "${variable%=*}" /d "${variable#*=}" /f /reg:64 >/dev/null
  done
  touch "$prefix-template/.set-up"
fi
rm -rf "$prefix"
cp --archive "$prefix-template" "$prefix"
WINEPREFIX=/twins/build/wine/installer exec "$root_directory/scripts/wine-root.sh" tests/rigs/installer/rows.sh "$version" 0.0.9
