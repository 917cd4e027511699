#!/bin/sh
# The real CRIU, behind a gate that a test can close on a machine (each has a /tmp of its own). A turnstile lets one pass and closes it.
while [ -e /tmp/criu-gate-closed ]; do sleep 0.02; done
[ -e /tmp/criu-gate-turnstile ] && touch /tmp/criu-gate-closed
criu=${0%/*}/../../build/criu/criu
[ -x "$criu" ] || criu=criu
exec "$criu" "$@"
