#!/usr/bin/env python3
"""The staying end of scripted connections: brings connections of tcp_actor.py into a TCP state, and finishes them.

  tcp_matrix.py ACTOR CONTROL_PORT DATA_PORT OWN_ADDRESS STATE [STATE...]

A STATE is a state of the actor's end, with what lies in its queues: NAME:nothing|unread|unsent|both. RESET is CLOSED after a RST.
1. Makes all connections; prints {"prepared": {STATE: [state, unread, unacknowledged]}}.
2. At each line `moved` on standard input, checks that every connection is in the state that it was in, with the same
   queues; prints {"failures": {STATE: text}, "checked": COUNT}.
3. At any other line, ends each connection in order and compares every octet; prints the same.
To keep acknowledgements away it drops segments with nft, in a table of its own (`inet matrix`).
"""
import hashlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
UNREAD, LATER = 30000, 1000
PATTERN = b"".join(i.to_bytes(4, "big") for i in range(1 << 20))
SILENT = {"FIN-WAIT-1", "LAST-ACK", "CLOSING"}  # their FIN must stay unacknowledged

RULES = """
table inet matrix
delete table inet matrix
table inet matrix {
  set deaf { type inet_service; }
  set mute { type inet_service; }
  chain in {
    type filter hook input priority 0; policy accept;
    tcp dport @deaf drop
    tcp dport @mute tcp flags & syn == syn drop
  }
}
"""


def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text.encode(), check=True)


def pattern(offset, count):
    out = bytearray()
    while len(out) < count:
        at = (offset + len(out)) % len(PATTERN)
        out += PATTERN[at:at + count - len(out)]
    return bytes(out)


class Actor:
    def __init__(self, host, port):
        self.stream = socket.create_connection((host, port), timeout=90).makefile("rwb")

    def __call__(self, *command):
        self.stream.write(json.dumps(command).encode() + b"\n")
        self.stream.flush()
        line = self.stream.readline()
        if not line:
            raise OSError("the control connection was closed")
        answer = json.loads(line)
        if isinstance(answer, dict):
            raise OSError(f"{' '.join(map(str, command))}: {answer['error']}")
        return answer


class Case:
    def __init__(self, name, actor, args):
        self.name, self.actor = name, actor
        self.state, self.data = name.split(":")
        self.host, self.data_port, self.own = args
        self.filled = self.wrote = 0
        self.sock = None

    def unread(self):
        return self.data in ("unread", "both")

    def unsent(self):
        return self.data in ("unsent", "both")

    def wait(self, wanted, what):
        end = time.monotonic() + 30
        while True:
            now = self.actor("state", self.number)
            if wanted(now):
                return
            if time.monotonic() > end:
                raise OSError(f"{what}: it is {now}")
            time.sleep(0.01)

    def open(self):
        self.sock = socket.socket()
        if self.unsent():
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.sock.settimeout(120)
        self.sock.connect((self.host, self.data_port))
        self.number = self.actor("accept")
        self.port = self.sock.getsockname()[1]

    def write(self, count):
        self.sock.sendall(pattern(self.wrote, count))
        self.wrote += count

    def prepare(self):
        if self.state == "CLOSED" and not self.unread():
            self.number = self.actor("create")
            return
        if self.state == "SYN-SENT":
            self.listener = socket.socket()
            self.listener.bind((self.own, 0))
            self.listener.listen()
            self.listener.settimeout(120)
            self.port = self.listener.getsockname()[1]
            nft(f"add element inet matrix mute {{ {self.port} }}")
            self.number = self.actor("connect", self.own, self.port)
            self.wait(lambda s: s[0] == "SYN-SENT", "not in SYN-SENT")
            return
        self.open()
        if self.unread():
            self.write(UNREAD)
            self.wait(lambda s: s[1] == UNREAD, "data doesn't arrive")
        if self.unsent():
            self.filled = self.actor("fill", self.number)
        if self.state in ("CLOSE-WAIT", "LAST-ACK", "CLOSED"):
            self.sock.shutdown(socket.SHUT_WR)
            self.wait(lambda s: s[0] == "CLOSE-WAIT", "not in CLOSE-WAIT")
        if self.state in SILENT:
            nft(f"add element inet matrix deaf {{ {self.port} }}")
        if self.state in ("FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK", "CLOSING", "CLOSED"):
            self.actor("shutdown", self.number)
        if self.state == "CLOSING":
            self.sock.shutdown(socket.SHUT_WR)
        if self.state == "RESET":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        self.wait(lambda s: s[0] == ("CLOSED" if self.state == "RESET" else self.state), f"not in {self.state}")
        if self.unsent():
            self.wait(lambda s: s[2] > 0, "nothing is unsent")

    def receive(self, count):
        digest, got = hashlib.sha256(), 0
        while got < count:
            data = self.sock.recv(min(65536, count - got))
            if not data:
                break
            digest.update(data)
            got += len(data)
        return [got, digest.hexdigest()]

    def check(self, what, got, count):
        wanted = [count, hashlib.sha256(pattern(0, count)).hexdigest()]
        if got != wanted:
            raise OSError(f"{what}: {got}, wanted {wanted}")

    def finish(self):
        if self.state in ("CLOSED", "RESET"):
            if self.sock:
                count = UNREAD if self.unread() else 0
                self.check("what a closed connection still holds", self.actor("read", self.number, count + 1), count)
            self.actor("close", self.number)
            return
        if self.state == "SYN-SENT":
            self.sock, self.address = self.listener.accept()
            if self.address[0] != self.host:
                raise OSError(f"comes from {self.address}")
            self.sock.settimeout(120)
            problem = self.actor("wait-connected", self.number)
            if problem:
                raise OSError(f"not connected: {problem}")
        total = self.filled
        if self.state in ("ESTABLISHED", "CLOSE-WAIT", "SYN-SENT"):
            # The actor's side is open: more, and then its end.
            if self.filled:
                self.check("the actor's queue", self.receive(self.filled), self.filled)
            sent = self.filled
            self.actor("send", self.number, LATER)
            self.actor("shutdown", self.number)
            rest = b""
            while True:
                data = self.sock.recv(65536)
                if not data:
                    break
                rest += data
            if rest != pattern(sent, LATER):
                raise OSError(f"after the move the actor's {LATER} octets arrive as {len(rest)}")
        else:
            self.check("the actor's data up to its end", self.receive(total + 1), total)
        if self.state in ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "SYN-SENT"):
            self.write(LATER)
            self.sock.shutdown(socket.SHUT_WR)
        self.check("the peer's data up to its end", self.actor("read", self.number, self.wrote + 1), self.wrote)
        self.wait(lambda s: s[0] in ("CLOSED", "TIME-WAIT"), "not closed at the end")
        self.actor("close", self.number)
        self.sock.close()


def main():
    host, control, data, own = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    nft(RULES)
    actor = Actor(host, control)
    cases = [Case(name, actor, (host, data, own)) for name in sys.argv[5:]]
    failures, prepared = {}, {}
    for case in cases:
        try:
            case.prepare()
            prepared[case.name] = actor("state", case.number)
        except OSError as e:
            failures[case.name] = f"before the move: {e}"
    print(json.dumps({"prepared": prepared, "failures": failures}), flush=True)
    numbers = {case.name: case.number for case in cases if case.name in prepared}
    while sys.stdin.readline().strip() == "moved":
        for name, number in numbers.items():
            now = actor("state", number)
            if now != prepared[name]:
                failures[name] = f"after the move: was {prepared[name]}, is {now}"
        print(json.dumps({"failures": failures, "checked": len(numbers)}), flush=True)
    nft("flush set inet matrix deaf\nflush set inet matrix mute")
    for case in cases:
        if case.name in failures:
            continue
        try:
            case.finish()
        except OSError as e:
            failures[case.name] = f"at the end: {e}"
    nft("delete table inet matrix")
    print(json.dumps({"failures": failures, "checked": len(cases)}), flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
