#!/usr/bin/env bash
# Puts the Debian package of what lies in build/ into build/deb. Called by scripts/build.sh, which has built that before.
# Packaging is debhelper's, by installer/debian; the version is that of Directory.Build.props.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

version=$(sed -n 's/.*<Version>\(.*\)<\/Version>.*/\1/p' "$root_directory/Directory.Build.props")
work=$build_directory/.new-deb
tree=$work/twins-$version
for tool in dh lowdown dpkg-buildpackage; do
  command -v "$tool" >/dev/null || die "$tool is missing: apt-get install debhelper lowdown dpkg-dev, or run ./build.sh deb as root."
done

rm -rf "$work"
mkdir -p "$tree/programs" "$tree/man"
cp -r "$root_directory/installer/debian" "$tree/debian"
for name in hook twins twinsd twin admin; do cp -r "$build_directory/$name" "$tree/programs"; done
# For debuggers, for IIS, and for web pages, of which twins-admin alone has some.
find "$tree/programs" \( -name '*.pdb' -o -name '*.dbg' -o -name web.config \) -delete
rm -f "$tree"/programs/{twinsd,twins,twin}/*.staticwebassets.endpoints.json
cp -r "$root_directory"/{docs,README.md,CHANGELOG.md,THIRD-PARTY-NOTICES.md} "$tree"

# The last change of the sources dates the package, so that the same sources give the same one.
date=$(git -C "$root_directory" log -1 --format=%cD 2>/dev/null || date -R)
printf 'twins (%s-1) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- The Twins authors <twins@twins.invalid>  %s\n' \
  "$version" "$date" >"$tree/debian/changelog"

# man NAME SECTION WHATIS MARKDOWN: a page of the documentation as a man page.
man() {
  { printf '# NAME\n\n%s - %s\n\n' "$1" "$3"; cat "$4"; } |
    lowdown -s -Tman --nroff-nolinks -M "title=${1^^}" -M "section=$2" -M "source=Twins $version" -M volume=Twins >"$tree/man/$1.$2"
}
man twins 1 "moves running programs between machines" "$root_directory/docs/commands.md"
man twinsd.json 5 "settings of twinsd" "$root_directory/docs/settings.md"
man twinsd 8 "the Migration Manager of Twins" "$root_directory/installer/debian/twinsd.8.md"

(cd "$tree" && dpkg-buildpackage --build=binary --no-sign)
rm -rf "$build_directory/deb"
mkdir "$build_directory/deb"
mv "$work"/*.deb "$build_directory/deb"
rm -rf "$work"
