#!/usr/bin/env bash
# Unpacks the npm package that a manifest names into a directory, after it was verified against the integrity there.
# Nothing of the package is run.
# Usage: fetch-npm.sh MANIFEST DIRECTORY   MANIFEST has lines `package NAME@VERSION` and `integrity sha512-...`
#                                          Needs npm, and the registry that npm is set to.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

manifest=$1 place=$2
package=$(awk '$1 == "package" { print $2 }' "$manifest")
integrity=$(awk '$1 == "integrity" { print $2 }' "$manifest")
if ! command -v npm >/dev/null; then
  die "npm is missing, $package can't be fetched: apt-get install npm, and start again."
fi

mkdir -p "$build_directory"
work=$(mktemp -d "$build_directory/.npm.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "fetching $package into ${place#"$root_directory/"}"
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
  die "$package is not the package that ${manifest#"$root_directory/"} names; nothing of it is used." \
    "  expected $integrity" "  got      $actual" \
    "The registry in 'npm config get registry' gives out something else: use one that you trust."
fi
mkdir -p "$place"
tar --extract --gzip --file "$archive" --directory "$place" --no-same-owner --strip-components=1
