#!/usr/bin/env bash
# Makes build/deb-root/root: a clean Debian 12 with systemd and what the package depends on, but without it.
# Returns at once when it is there and made by this script of this control file. Needs root and debootstrap.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/../../../scripts/common.sh"

here=$(dirname "$(readlink -f "$0")")
control=$root_directory/installer/debian/control
place=$build_directory/deb-root
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
print=$(cat "$here/make-root.sh" "$control" | sha256sum | cut -c1-32)
if [[ -e $place/made-$print ]]; then exit 0; fi

# The first Debian mirror that the machine's own apt uses.
# shellcheck disable=SC2016 # $(...) is apt's format
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -v security | grep -m1 '/debian/\?$' || true)
[[ -n $mirror ]] || die "No Debian mirror is configured in /etc/apt, so there is no clean root to install the package into."

# Of alternatives the first; what the build fills in is libraries that a minimal system has.
depends=$(sed -n 's/^Depends: *//p' "$control" | tr ',' '\n' | sed 's/|.*//; s/(.*//; /\$/d' | tr -d ' ' | paste -sd,)
rm -rf "$place"
mkdir -p "$place"
say "making a clean Debian root in build/deb-root"
debootstrap --variant=minbase --keyring="$keyring" \
  --include="systemd,systemd-sysv,dbus,procps,libstdc++6,zlib1g,man-db,bash-completion,$depends" bookworm "$place/root" "$mirror" >"$place/log" 2>&1 </dev/null ||
  die "debootstrap failed: $(tail -n 1 "$place/log")" "All it said is in $place/log"
# Nothing of it is asked over the network, and no other host's name or number is in it.
rm -rf "$place"/root/var/cache/apt/archives/*.deb "$place"/root/var/lib/apt/lists/*
: >"$place/root/etc/machine-id"
touch "$place/made-$print"
