#!/usr/bin/env python3
"""Pipelined redis traffic whose every reply is checked.

  checked_redis.py HOST:PORT [--connections N] [--pipeline N]

Each connection sends batches of INCR, SET, GET and ECHO and compares every reply. Stops at SIGTERM, after the
batches under way, and prints one JSON document: {"connections", "replies", "errors": [..]}. Exit code 1 on an error.
At SIGUSR1 prints {"received": [replies of each connection], "errors"} on standard error and goes on.
"""
import argparse
import json
import os
import signal
import socket
import sys
import threading

stopping = threading.Event()


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client(threading.Thread):
    def __init__(self, number, host, port, pipeline):
        super().__init__()
        self.number, self.pipeline = number, pipeline
        self.replies = 0
        self.error = None
        self.sock = socket.create_connection((host, port), timeout=60)
        self.sock.settimeout(60)
        self.reader = self.sock.makefile("rb")

    def run(self):
        try:
            count = 0
            while not stopping.is_set():
                batch, expected = bytearray(), []
                for _ in range(self.pipeline):
                    count += 1
                    value = b"%d:%d:" % (self.number, count) + b"x" * (count % 300)
                    batch += command("INCR", f"count:{self.number}")
                    expected.append(b":%d\r\n" % count)
                    batch += command("SET", f"key:{self.number}:{count % 50}", value)
                    expected.append(b"+OK\r\n")
                    batch += command("GET", f"key:{self.number}:{count % 50}")
                    expected.append(b"$%d\r\n%s\r\n" % (len(value), value))
                    batch += command("ECHO", value)
                    expected.append(b"$%d\r\n%s\r\n" % (len(value), value))
                self.sock.sendall(batch)
                wanted = b"".join(expected)
                got = self.reader.read(len(wanted))
                if got != wanted:
                    at = next((i for i in range(min(len(got), len(wanted))) if got[i] != wanted[i]), len(got))
                    raise OSError(f"batch ending at {count}: reply differs at octet {at}: got {got[at:at + 40]!r}, wanted {wanted[at:at + 40]!r}")
                self.replies += len(expected)
        except OSError as e:
            self.error = f"connection {self.number} after {self.replies} replies: {e}"
            print(self.error, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("endpoint")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--pipeline", type=int, default=16)
    args = parser.parse_args()
    host, _, port = args.endpoint.rpartition(":")
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    clients = [Client(n, host, int(port), args.pipeline) for n in range(args.connections)]

    def tell(*_):
        os.write(2, (json.dumps({"received": [c.replies for c in clients], "errors": [c.error for c in clients if c.error]}) + "\n").encode())

    signal.signal(signal.SIGUSR1, tell)
    for client in clients:
        client.start()
    print("ready", file=sys.stderr, flush=True)
    for client in clients:
        client.join()
    errors = [c.error for c in clients if c.error]
    print(json.dumps({"connections": len(clients), "replies": sum(c.replies for c in clients), "errors": errors}), flush=True)
    sys.exit(1 if errors else 0)


main()
