#!/usr/bin/env bash
# Compiles setup.iss: TwinsSetup-VERSION.exe in build/installer from build/windows, which has to be there (scripts/build.sh).
# Usage: installer.sh [VERSION DIRECTORY]   root, for wine-root.sh
#   For tests: a setup program of another version (x.y.z) in DIRECTORY, relative to the repository, of the programs in
#   DIRECTORY/windows; packed quickly, not small.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

version=${1:-$(sed -n 's/.*<Version>\(.*\)<\/Version>.*/\1/p' "$root_directory/Directory.Build.props")}
output=${2:-build/installer}
programs=${2:-build}/windows
packing=lzma2/max
if (($#)); then packing=none; fi
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "A version is three numbers, as in 1.2.3, and not '$version'."
[[ -e $root_directory/$programs/twinsd.exe ]] || die "$programs isn't there: scripts/build.sh windows makes build/windows."

compiler=$build_directory/innosetup
if ! cmp --silent "$root_directory/installer/compiler" "$compiler/manifest"; then
  rm -rf "$compiler"
  "$root_directory/scripts/fetch-npm.sh" "$root_directory/installer/compiler" "$compiler"
  cp "$root_directory/installer/compiler" "$compiler/manifest"
fi

log=$build_directory/log/setup-$version.log
mkdir -p "$root_directory/$output" "$build_directory/log"
if ! "$root_directory/scripts/wine-root.sh" wine build/innosetup/bin/ISCC.exe /Q \
  "/DVersion=$version" "/DPrograms=${programs//\//\\}" "/DOutput=${output//\//\\}" "/DPacking=$packing" setup.iss >"$log" 2>&1 </dev/null; then
  grep -vE '^\s*$' "$log" | tail -n 10 >&2
  die "setup.iss doesn't compile (above is why)."
fi
