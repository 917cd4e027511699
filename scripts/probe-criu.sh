#!/usr/bin/env bash
# Does this CRIU work on this kernel? Exit status 0 only after a real dump and a real restore of a
# small program whose TCP connection still carries data afterwards. `criu check` is no proof: 4.1
# passes it on kernels on which it can't dump any socket.
# Usage: probe-criu.sh CRIU        (root; says on stderr why not)
set -euo pipefail

criu=${1:?usage: probe-criu.sh CRIU}
if [[ $EUID != 0 ]]; then
  echo "probe-criu: needs root" >&2
  exit 2
fi
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# A network namespace of its own: nothing of the machine's network is touched. No new mount
# namespace: that would be in CRIU's way.
timeout --kill-after=5 60 unshare --net -- python3 - "$criu" "$directory" <<'PYTHON'
import os, signal, socket, subprocess, sys

criu, directory = sys.argv[1:]
SERVER = """
import socket
listener = socket.create_server(('127.0.0.1', 7000))
connection, _ = listener.accept()
while data := connection.recv(64):
    connection.sendall(data.upper())
"""


def run_criu(verb, *options):
    log = verb + ".log"
    done = subprocess.run([criu, verb, "--images-dir", directory, "--log-file", log, "-v4", "--tcp-established", *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        return
    try:
        with open(os.path.join(directory, log), errors="replace") as lines:
            errors = [line.strip() for line in lines if "Error" in line]
    except OSError:
        errors = []
    sys.exit(f"probe-criu: {verb} failed: {(errors or done.stdout.strip().splitlines() or ['no message'])[-1]}")


def exchange(connection, data):
    connection.sendall(data)
    if connection.recv(64) != data.upper():
        sys.exit("probe-criu: the connection carried wrong data")


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
server = subprocess.Popen([sys.executable, "-c", SERVER], start_new_session=True, cwd="/",
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
restored = False
try:
    for attempt in range(500):
        try:
            connection = socket.create_connection(("127.0.0.1", 7000), timeout=10)
            break
        except ConnectionRefusedError:
            if server.poll() is not None or attempt == 499:
                sys.exit("probe-criu: the small program did not start")
            import time
            time.sleep(0.01)
    exchange(connection, b"before")
    run_criu("dump", "--tree", str(server.pid), "--network-lock", "skip")
    server.wait()
    run_criu("restore", "--restore-detached")
    restored = True
    exchange(connection, b"after")
except OSError as error:
    sys.exit(f"probe-criu: the restored connection does not work: {error}")
finally:
    if restored:
        os.kill(server.pid, signal.SIGKILL)
    elif server.poll() is None:
        server.kill()
        server.wait()
PYTHON
