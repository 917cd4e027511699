#!/usr/bin/env bash
# Builds all that a Windows node under Wine needs (tests/Twins.KernelTests/Lab/WindowsNode.cs). Returns at once when it is there.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../../scripts/common.sh"
"$here/../wintwin/prepare.sh"
mkdir -p "$build_directory/rigs/winnode"
# twinsd.exe with another transport, beside the others; as new as they are.
node=$build_directory/rigs/windows/twinsnode.exe
if [[ ! -e $node || -n $(find "$here/host" "$build_directory/.stamps/windows" -name obj -prune -o -name bin -prune -o -newer "$node" -print -quit) ]]; then
  say "building twinsnode.exe"
  DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1 dotnet publish "$here/host" --configuration Release --disable-build-servers \
    -nologo -verbosity:minimal --runtime win-x64 --self-contained --output "$build_directory/rigs/windows" >"$build_directory/log/twinsnode.log" 2>&1 </dev/null ||
    die "twinsnode.exe can't be built" "All it said is in $build_directory/log/twinsnode.log"
  touch "$node"
fi
x86_64-w64-mingw32-gcc -O1 -std=c17 -Wall -Wextra -Werror -D_WIN32_WINNT=0x0A00 -o "$build_directory/rigs/winnode/echo.exe" "$here/echo.c" -lws2_32
prefix=$build_directory/wine/windows-node
# Of a run that was interrupted: Wine would start it.
if grep --quiet --no-messages 'Services\\\\twinsd\]' "$prefix/system.reg"; then rm --recursive "$prefix"; fi
status=0
"$root_directory/scripts/wine.sh" "$prefix" "$build_directory/rigs/windows/twins.exe" --version >/dev/null 2>&1 || status=$?
[[ $status == 0 ]] || die "twins.exe doesn't start under wine (exit code $status)"
