# Run inside a lab machine's namespaces, once: what the machine has for itself.
# $1 its name, $2 the lab's directory, $3 number of its first process, $4 this CLI, $5 TWINS_HOME,
# $6... directories that must stay visible although they lie below /tmp.
set -eu
name=$1 lab=$2 first=$3 cli=$4 home=$5
shift 5

printf %s "$name" >/proc/sys/kernel/hostname
mount --bind "$lab/hosts" /etc/hosts
# CRIU keeps what it has found out about the kernel in /run, if that is a tmpfs; otherwise it finds it out in each dump and
# each restore. In a container /run often is none.
for directory in /run /var/lib/twins /etc/twins; do
  mount -t tmpfs -o mode=755 twins-lab "$directory"
done
mkdir /run/twins /run/lock
mount -t tmpfs -o mode=1777 twins-lab /dev/shm

# A /tmp of its own, made aside: the directories to keep are bound into it while the old one is still seen.
mkdir /run/twins/tmp
mount -t tmpfs -o mode=1777 twins-lab /run/twins/tmp
for directory; do
  mkdir -p "/run/twins/tmp/${directory#/tmp/}"
  mount --bind "$directory" "/run/twins/tmp/${directory#/tmp/}"
done
mount --move /run/twins/tmp /tmp
rmdir /run/twins/tmp

# The admin page's user, and the group that may read, of this machine only; its program where that user can reach it.
for file in passwd group; do cp "/etc/$file" "/run/twins/$file"; done
grep -q '^twins-admin:' /run/twins/group || echo 'twins-admin:x:64459:' >>/run/twins/group
grep -q '^twins-admin:' /run/twins/passwd || echo 'twins-admin:x:64459:64459::/nonexistent:/usr/sbin/nologin' >>/run/twins/passwd
grep -q '^twins:' /run/twins/group || echo 'twins:x:64457:' >>/run/twins/group
for file in passwd group; do mount --bind "/run/twins/$file" "/etc/$file"; done
mkdir /run/twins/admin-page
[ ! -d "$home/build/admin" ] || mount --bind "$home/build/admin" /run/twins/admin-page

# `twins` on this machine's PATH.
mkdir /run/twins/bin
cat >/run/twins/bin/twins <<END
#!/bin/sh
TWINS_HOME='$home' exec '$cli' "\$@"
END
chmod 755 /run/twins/bin/twins

# The lab belongs to the machine outside. (Below /run and /tmp it is out of sight already.)
[ ! -d "$lab" ] || mount -t tmpfs -o mode=755,size=64k twins-lab "$lab"

echo "$first" >/proc/sys/kernel/ns_last_pid
