#!/usr/bin/env bash
# Installs, uses, upgrades, removes and purges the Debian package in a clean root in which systemd runs: README.md.
# Rows begin with ok or FAILED, the last line is the summary that test.sh reads. Needs root.
# shellcheck disable=SC2016 # programs for shells and perls on the machine
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../../scripts/common.sh"

# Mounts go with this namespace, whatever happens.
if [[ ${1-} != inside ]]; then exec unshare --mount --propagation private -- "$0" inside; fi

"$here/make-root.sh"
"$root_directory/scripts/build.sh" deb
shopt -s nullglob
packages=("$build_directory"/deb/twins_*.deb)
[[ ${#packages[@]} == 1 ]] || die "build/deb should have one package, and has ${#packages[@]}"
package=${packages[0]}
work=$build_directory/deb-rig
cgroups=$build_directory/deb-rig.cgroups
declare -A machines=() inits=()

clean() {
  local name _
  for name in "${!machines[@]}"; do
    kill -KILL "${machines[$name]}" 2>/dev/null || true
    wait "${machines[$name]}" 2>/dev/null || true
    # Its groups, the deepest first; what was in them is about to end.
    for _ in {1..50}; do
      find "$cgroups/twins-deb-$$-$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [[ -d $cgroups/twins-deb-$$-$name ]] || break
      sleep 0.1
    done
    umount -l "$work/$name/root" 2>/dev/null || true
  done
  umount -l "$cgroups" 2>/dev/null || true
  rm -rf "$work" "$cgroups"
}
trap clean EXIT

passed=0 failed=0
# row NAME COMMAND...: ok if the command succeeds; what it said otherwise.
row() {
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$name"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$name"
    printf '%s\n' "$said" | tail -n 15 | sed 's/^/        /'
  fi
}
not() { ! "$@"; }
# until_true COMMAND...: waits for it, for half a minute.
until_true() {
  local _
  for _ in {1..150}; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  "$@"
}
same() { [[ $1 == "$2" ]] || { printf 'is: %s\nshould be: %s\n' "$1" "$2"; return 1; }; }
has() { grep -qF -- "$2" <<<"$1" || { printf 'is: %s\nshould have: %s\n' "$1" "$2"; return 1; }; }

# boot NAME: a machine of that name, with the package among root's files.
boot() {
  local name=$1 root=$work/$1/root cgroup=$cgroups/twins-deb-$$-$1
  mkdir -p "$root" "$work/$name/upper" "$work/$name/work" "$cgroup"
  mount -t overlay overlay -o "lowerdir=$build_directory/deb-root/root,upperdir=$work/$name/upper,workdir=$work/$name/work" "$root"
  cp "$package" "$root/root"
  # CRIU as somebody would bring it whose system's doesn't do; the settings name it.
  if [[ -d $build_directory/criu/root ]]; then cp -r "$build_directory/criu" "$root/opt/twins-criu"; fi
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child=KILL -- "$here/machine.sh" "$root" "$name"
  ) >"$build_directory/deb-rig-$name.log" 2>&1 </dev/null &
  machines[$name]=$!
  until_true pgrep --parent "${machines[$name]}" --exact systemd ||
    die "systemd didn't start on $name: $(tail -n 3 "$build_directory/deb-rig-$name.log")"
  inits[$name]=$(pgrep --parent "${machines[$name]}")
  until_true booted "$name"
}
booted() { [[ $(on "$1" systemctl is-system-running) =~ ^(running|degraded)$ ]]; }
on() {
  nsenter --target "${inits[$1]}" --all --root --wdns=/ -- \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "${@:2}"
}
# Most happens on the first one.
there() { on first "$@"; }

settings='"adminPage": "always"'
if [[ -d $build_directory/criu/root ]]; then settings+=', "criuPath": "/opt/twins-criu/criu"'; fi
# configure NAME: twinsd has these settings and answers.
configure() {
  on "$1" tee /etc/twins/twinsd.json <<<"{ $settings }" >/dev/null
  on "$1" systemctl restart twinsd
  until_true on "$1" twins ls
}

# The package as an older version had it: other version, other settings file, a file that is gone since.
make_old() {
  local tree=$work/old
  dpkg-deb --raw-extract "$package" "$tree"
  sed -i 's/^Version: .*/Version: 0.0.1-1/' "$tree/DEBIAN/control"
  sed -i '1s/^/\/\/ of version 0.0.1\n/' "$tree/etc/twins/twinsd.json"
  echo old >"$tree/usr/share/doc/twins/gone"
  dpkg-deb --root-owner-group -Znone --build "$tree" "$work/old.deb" >/dev/null
  rm -rf "$tree"
}

# What a package may leave is what it hasn't made itself.
files() {
  there find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /root -o -path /var/log \
    -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /opt \) -prune -o -print |
    grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/\.pwd\.lock$' | sort
}

main_pid() { there systemctl show --property MainPID --value twinsd; }
# shown KEY: what `twins show` has of the program of start_traffic.
shown() { there twins show echo --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
# diagnosis CHECK...: each is there and ok.
diagnosis() {
  { there twins doctor --json || true; } | python3 -c '
import json, sys
found = {d["check"]: d for d in json.load(sys.stdin)}
bad = [found.get(name, name) for name in sys.argv[1:] if found.get(name, {}).get("outcome") != "ok"]
sys.exit("\n".join(map(str, bad)) or None)' "$@"
}
checks=(daemon daemon-file hook-launcher hook-library rights packet-diversion tun twin-program leftovers)
if [[ -d $build_directory/criu/root ]]; then checks+=(criu); fi

as_user() { there runuser -u "$1" -- "${@:2}"; }
exit_code() { local code=0; "$@" >/dev/null 2>&1 || code=$?; printf '%s' "$code"; }
suggestions() {
  there bash -c 'source /usr/share/bash-completion/completions/twins; COMP_LINE=$1; COMP_POINT=${#1}; COMP_WORDS=($1 ""); [[ $1 == *" " ]] || unset "COMP_WORDS[-1]"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _twins twins; echo ${COMPREPLY[@]}' bash "$1"
}
capabilities() { there sed -n "s/^$2:\t//p" "/proc/$1/status"; }
page_answers() {
  there bash -c 'exec 3<>/dev/tcp/127.0.0.1/7459; printf "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3; grep -q "^ok" <&3'
}
device_is_closed() {
  there mknod /tmp/fuse c 10 229
  has "$(there bash -c 'echo $$ >/sys/fs/cgroup/system.slice/twinsd.service/cgroup.procs; : </tmp/fuse' 2>&1)" "Operation not permitted"
}
tables() { there nft list tables; }

# A server, and a client with a network of its own, which says a word when it is told to and notes what comes back.
start_traffic() {
  there ip netns add peer
  there ip link add peer type veth peer name home netns peer
  there ip addr add 10.99.0.1/24 dev peer
  there ip link set peer up
  there ip -n peer addr add 10.99.0.2/24 dev home
  there ip -n peer link set home up
  # A number that the other machine hasn't given away.
  there sh -c 'echo 20000 >/proc/sys/kernel/ns_last_pid'
  there twins run --name echo --detach -- perl -MIO::Socket -e '
    $s = IO::Socket::INET->new(LocalPort => 5000, Listen => 5, ReuseAddr => 1) or die;
    while ($c = $s->accept) { while (<$c>) { print $c $_ } }'
  there setsid --fork ip netns exec peer perl -MIO::Socket -e '
    until ($c = IO::Socket::INET->new("10.99.0.1:5000")) { select undef, undef, undef, 0.1 }
    open $f, ">", "/tmp/heard"; $f->autoflush;
    for (qw(first second third fourth fifth)) {
      until (-e "/tmp/say-$_") { select undef, undef, undef, 0.1 }
      print $c "$_\n"; print $f scalar <$c>;
    }' >/dev/null 2>&1 </dev/null
  answered first
}
# answered WORD: the client says it, and hears it.
answered() { there touch "/tmp/say-$1" && until_true heard "$1"; }
heard() { there grep -qx "$1" /tmp/heard; }
hold() { there twins hold echo && there touch /tmp/say-second && until_true holds_packets; }
holds_packets() { [[ $(shown heldPackets) -gt 0 ]]; }

# A second machine, beside the first one, in one cluster with it.
make_cluster() {
  ip link add name second netns "${inits[first]}" type veth peer name first netns "${inits[second]}"
  there ip addr add 10.98.0.1/24 dev second
  there ip link set second up
  on second ip addr add 10.98.0.2/24 dev first
  on second ip link set first up
  there twins cluster init --node first --address 10.98.0.1
  there twins cluster token | on second twins cluster join - --node second --address 10.98.0.2
  until_true know_each_other
}
know_each_other() { [[ $(there twins nodes --json | grep -o '"reachable": *true' | wc -l) == 2 ]]; }
exited() { ! there pgrep --exact perl; }
runs_on() { [[ $(shown node) == "$1" && $(shown state) == running ]]; }

# Kills twinsd, and waits until systemd has another one.
crash() {
  local before
  before=$(main_pid)
  there kill -KILL "$before"
  until_true another_than "$before"
}
another_than() { [[ $(main_pid) != 0 && $(main_pid) != "$1" ]] && there twins ls; }

version=$(sed -n 's/.*<Version>\(.*\)<\/Version>.*/\1/p' "$root_directory/Directory.Build.props")
row "package: has the version of Directory.Build.props" same "$(dpkg-deb --field "$package" Version)" "$version-1"
row "package: lintian finds no error and no warning" lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$package"

rm -rf "$work"
mkdir -p "$work" "$cgroups"
mount -t cgroup2 cgroup2 "$cgroups"
boot first
boot second
make_old
cp "$work/old.deb" "$work/first/root/root/old.deb"
before=$(files)

row "install: into a clean root" there dpkg --install /root/old.deb
row "install: systemd finds the unit without fault" same "$(there systemd-analyze verify /lib/systemd/system/twinsd.service 2>&1)" ""
row "install: twinsd runs" until_true there systemctl is-active twinsd
row "install: and starts with the machine" there systemctl is-enabled twinsd
configure first
row "twins: says its version" same "$(there twins --version)" "$version"
row "twins doctor: finds all that it needs (${checks[*]})" diagnosis "${checks[@]}"
row "twins nodes: answers" there twins nodes
row "twins completes commands" has "$(suggestions 'twins mig')" migrate
row "twins completes options" has "$(suggestions 'twins migrate ')" --to
for page in 'twins 1' 'twinsd 8' 'twinsd.json 5'; do
  row "man page: ${page% *}(${page#* })" has "$(there env MANWIDTH=100 man "${page#* }" "${page% *}" 2>&1 | col -b)" "${page% *}"
done

row "rights: nobody is refused" same "$(exit_code as_user nobody twins ls)" 4
there useradd --groups twins reader
row "rights: a member of the group twins reads" as_user reader twins ls
row "rights: and changes nothing" same "$(exit_code as_user reader twins hold x)" 4
row "admin page: answers, with twinsd behind it" until_true page_answers
admin=$(there pgrep --exact twins-admin || true)
row "admin page: runs as twins-admin" same "$(there stat --format %U "/proc/${admin:-0}")" twins-admin
row "admin page: has no capabilities" same "$(capabilities "${admin:-0}" CapBnd)" 0000000000000000
row "unit: twinsd opens no device but its own" device_is_closed
row "unit: table and keys are root's alone" same "$(there stat --format '%a %U' /var/lib/twins)" "700 root"

row "traffic: a program runs under the hook, its peer is answered" start_traffic
row "hold: what the peer sends is held" hold
twin=$(shown twinPid)
row "crash: systemd starts twinsd anew" crash
row "crash: what is held stays held" same "$(shown state)" held
row "crash: by the same twin" same "$(shown twinPid)" "$twin"

row "upgrade: from a lower version" there dpkg --install --force-confold "/root/$(basename "$package")"
until_true there twins ls
row "upgrade: twinsd runs" there systemctl is-active twinsd
row "upgrade: what is held stays held" same "$(shown state)" held
row "upgrade: by the same twin" same "$(shown twinPid)" "$twin"
row "upgrade: the settings file stays as it was changed" has "$(there cat /etc/twins/twinsd.json)" adminPage
row "upgrade: what the old version had alone is gone" not there test -e /usr/share/doc/twins/gone
row "removal: refused while connections depend on the node" not there dpkg --remove twins
row "removal: refused, so twinsd runs on" there systemctl is-active twinsd
row "release: the peer's held words arrive" there twins release echo
row "release: and are answered" until_true heard second

if [[ -d $build_directory/criu/root ]]; then
  on second dpkg --install "/root/$(basename "$package")" >/dev/null
  configure second
  row "move: two nodes become a cluster" make_cluster
  row "move: to the other node" there twins migrate echo --to second
  row "move: the peer is answered from there" answered third
  row "move: its control group is that of twinsd" has "$(on second sh -c 'cat "/proc/$(pgrep --exact perl)/cgroup"')" 0::/system.slice/twinsd.service
  row "removal: refused while the node is a host" not on second dpkg --remove twins
  on second systemctl stop twinsd
  row "stop: a program that came to the node lives on" on second pgrep --exact perl
  row "stop: and its peer is answered" answered fourth
  on second systemctl start twinsd
  row "start: twinsd takes it up" until_true runs_on second
  row "move: back home" there twins migrate echo --to first
  row "move: and the peer is answered" answered fifth
fi

there mkdir -p /etc/systemd/system/twinsd.service.d
there cp /usr/share/doc/twins/examples/fewer-capabilities.conf /etc/systemd/system/twinsd.service.d
there systemctl daemon-reload
there systemctl restart twinsd
until_true there twins ls
row "fewer capabilities: twinsd has no CAP_SYS_MODULE (bit 16)" same "$((0x$(capabilities "$(main_pid)" CapBnd) >> 16 & 1))" 0
row "fewer capabilities: it finds all that it needs" diagnosis "${checks[@]}"
there rm -r /etc/systemd/system/twinsd.service.d
there systemctl daemon-reload

there pkill --exact perl || true
there ip netns del peer
until_true exited
row "removal" there dpkg --remove twins
row "removal: no program of it runs" not there pgrep --full '^/usr/(lib/twins|sbin/twinsd)'
row "removal: nothing of it is in the kernel's tables" not grep -E 'inet twins|0x7457' <<<"$(tables; there iptables-save)"
row "removal: no cabin and no socket is left" not there test -e /run/twins
row "removal: its programs are gone" not there test -e /usr/lib/twins
row "removal: settings and data stay" there test -e /etc/twins/twinsd.json -a -e /var/lib/twins/table.db
row "purge" there dpkg --purge twins
row "purge: user and groups are gone" not there getent passwd twins-admin
row "purge: nothing is left" same "$(files)" "$before"
row "installs again after all that" there dpkg --install "/root/$(basename "$package")"
row "and runs" until_true there twins nodes

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
