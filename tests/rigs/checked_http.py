#!/usr/bin/env python3
"""HTTP traffic whose every byte is checked.

  checked_http.py HOST:PORT BIG SHA256 SMALL SHA256 [--rate OCTETS] [--downloads N]

Downloads the path BIG again and again on connections of their own, at --rate octets a second each, and asks for the
path SMALL all the time, on a kept-alive connection where the server keeps it. Stops at SIGTERM: the downloads under way
are then taken to their end at full speed. Prints one JSON document: {"downloads", "bytes", "requests", "errors"}; exit
code 1 on an error. At SIGUSR1 prints {"received", "downloads", "errors"} on standard error and goes on.
"""
import argparse
import hashlib
import http.client
import json
import os
import signal
import sys
import threading
import time

stopping = threading.Event()


class Worker(threading.Thread):
    def __init__(self, args):
        super().__init__(daemon=True)
        self.args = args
        self.received = self.done = 0
        self.error = None

    def run(self):
        try:
            self.work()
        except (OSError, http.client.HTTPException) as e:
            self.error = f"{type(self).__name__} after {self.done} answers and {self.received} octets: {type(e).__name__} {e}"
            print(self.error, file=sys.stderr, flush=True)

    def ask(self, connection, path, sha256, rate):
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"status {response.status}")
        length = int(response.headers["Content-Length"])
        digest, count, start = hashlib.sha256(), 0, time.monotonic()
        while True:
            data = response.read1(65536)
            if not data:
                break
            digest.update(data)
            count += len(data)
            self.received += len(data)
            if rate:
                stopping.wait(max(0, start + count / rate - time.monotonic()))
        if count != length or digest.hexdigest() != sha256:
            raise OSError(f"{path}: {count} of {length} octets, SHA-256 {digest.hexdigest()}")
        self.done += 1


class Download(Worker):
    def work(self):
        while not stopping.is_set():
            connection = http.client.HTTPConnection(self.args.host, self.args.port, timeout=60)
            self.ask(connection, self.args.big, self.args.big_sha256, self.args.rate)
            connection.close()


class Requests(Worker):
    def work(self):
        connection = http.client.HTTPConnection(self.args.host, self.args.port, timeout=60)
        while not stopping.is_set():
            self.ask(connection, self.args.small, self.args.small_sha256, 0)
            stopping.wait(0.005)
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("endpoint", "big", "big_sha256", "small", "small_sha256"):
        parser.add_argument(name)
    parser.add_argument("--rate", type=float, default=4e6)
    parser.add_argument("--downloads", type=int, default=2)
    args = parser.parse_args()
    args.host, _, port = args.endpoint.rpartition(":")
    args.port = int(port)
    workers = [Download(args) for _ in range(args.downloads)] + [Requests(args)]

    def tell(*_):
        os.write(2, (json.dumps({
            "received": [w.received for w in workers], "downloads": sum(w.done for w in workers[:-1]),
            "errors": [w.error for w in workers if w.error]}) + "\n").encode())

    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    signal.signal(signal.SIGUSR1, tell)
    for worker in workers:
        worker.start()
    print("ready", file=sys.stderr, flush=True)
    for worker in workers:
        while worker.is_alive():
            worker.join(0.05)
    errors = [w.error for w in workers if w.error]
    print(json.dumps({"downloads": sum(w.done for w in workers[:-1]), "bytes": sum(w.received for w in workers),
                      "requests": workers[-1].done, "errors": errors}), flush=True)
    sys.exit(1 if errors else 0)


main()
