#!/usr/bin/env python3
"""Traffic whose every byte is checked.

  traffic.py serve [ADDRESS:]PORT ...          echoes whatever it is sent, on any number of connections and listeners
  traffic.py talk HOST:PORT [options]          opens connections, sends a numbered pattern, compares the echo byte by byte
  traffic.py dial HOST:PORT                    opens a connection, says hello, and echoes what it is sent on it (a client that serves)
  traffic.py answer PORT [options]             waits for such clients and talks to them like `talk`

`talk` and `answer` stop after --seconds or at SIGTERM/SIGINT, when what is under way has come, and print one JSON document:
{"connections", "messages", "bytes", "longestGapMilliseconds", "errors": [..]}. Exit code 1 if there was an error.
At SIGUSR1 they print {"received": [octets of each connection], "errors": [..]} on standard error and go on.
"""
import argparse
import errno
import json
import selectors
import signal
import socket
import sys
import time

DRAIN = 2  # seconds
CHUNK = 65536


def pattern(connection, offset, length):
    """The bytes of a connection's stream from an offset: a 8-octet counter with the connection's number mixed in."""
    first = offset // 8
    out = b"".join(((i * 2654435761 + connection * 40503) & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "big") for i in range(first, (offset + length) // 8 + 1))
    return out[offset - first * 8:][:length]


class Echo:
    """One connection on which everything comes back."""

    def __init__(self, sock, selector):
        self.sock, self.selector, self.pending, self.closing = sock, selector, bytearray(), False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ, self)

    def on(self, events):
        try:
            if events & selectors.EVENT_READ and len(self.pending) < 1 << 20:
                data = self.sock.recv(CHUNK)
                if not data:
                    self.closing = True
                self.pending += data
            if self.pending:
                sent = self.sock.send(self.pending)
                del self.pending[:sent]
        except BlockingIOError:
            pass
        except OSError as e:
            print(f"connection broken: {e}", file=sys.stderr, flush=True)
            self.close()
            return
        if self.closing and not self.pending:
            self.close()
            return
        wanted = (0 if self.closing or len(self.pending) >= 1 << 20 else selectors.EVENT_READ) | (selectors.EVENT_WRITE if self.pending else 0)
        self.selector.modify(self.sock, wanted, self)

    def close(self):
        self.selector.unregister(self.sock)
        self.sock.close()


class Listener:
    def __init__(self, address, port, selector, accepted):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((address, port))
        self.sock.listen(1024)
        self.sock.setblocking(False)
        self.accepted = accepted
        selector.register(self.sock, selectors.EVENT_READ, self)

    def on(self, events):
        while True:
            try:
                self.accepted(self.sock.accept()[0])
            except BlockingIOError:
                return


class Talker:
    """One connection that sends its pattern and compares what comes back."""

    def __init__(self, sock, number, args):
        self.sock, self.number, self.args = sock, number, args
        self.sent = self.received = 0
        self.last = self.next = time.monotonic()
        self.gap = 0.0
        self.pending = bytearray()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def due(self, now):
        """Queues the next message when its time has come and not too much is under way."""
        if now >= self.next and self.sent - self.received <= self.args.window:
            self.pending += pattern(self.number, self.sent, self.args.size)
            self.sent += self.args.size
            self.next = max(self.next + 1 / self.args.rate, now - 1) if self.args.rate else now

    def stop(self):
        """Sends nothing more."""
        self.sent -= len(self.pending)
        self.pending.clear()

    def on(self, events):
        if events & selectors.EVENT_READ:
            data = self.sock.recv(CHUNK)
            if not data:
                raise OSError("closed by the other side")
            expected = pattern(self.number, self.received, len(data))
            if data != expected:
                at = next(i for i in range(len(data)) if data[i] != expected[i])
                raise OSError(f"wrong byte at offset {self.received + at}")
            self.received += len(data)
            now = time.monotonic()
            self.gap = max(self.gap, now - self.last)
            self.last = now
        if self.pending:
            try:
                del self.pending[:self.sock.send(self.pending)]
            except BlockingIOError:
                pass


def serve(args):
    selector = selectors.DefaultSelector()
    for endpoint in args.endpoint:
        address, _, port = endpoint.rpartition(":")
        Listener(address or "0.0.0.0", int(port), selector, lambda s: Echo(s, selector))
    print("ready", flush=True)
    while True:
        for key, events in selector.select():
            key.data.on(events)


def dial(args):
    selector = selectors.DefaultSelector()
    host, _, port = args.endpoint.rpartition(":")
    for _ in range(args.connections):
        Echo(socket.create_connection((host, int(port)), timeout=60), selector)
    print("ready", flush=True)
    while selector.get_map():
        for key, events in selector.select():
            key.data.on(events)


def converse(connect, args):
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    asked = []
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(True))
    selector = selectors.DefaultSelector()
    errors, talkers = [], []

    def add(sock):
        talker = Talker(sock, len(talkers), args)
        talkers.append(talker)
        selector.register(sock, selectors.EVENT_READ, talker)

    connect(selector, add, errors)
    print("ready", file=sys.stderr, flush=True)
    end = time.monotonic() + args.seconds
    live = list(talkers)
    ending = 0
    while True:
        now = time.monotonic()
        if not ending and (stopping or now >= end):
            # What is under way is still read: the kernel closes a socket in which something is unread with RST.
            ending = now + DRAIN
            for talker in live:
                talker.stop()
        if ending and (now >= ending or all(talker.received == talker.sent for talker in live)):
            break
        if asked:
            asked.clear()
            print(json.dumps({"received": [t.received for t in talkers], "errors": errors}), file=sys.stderr, flush=True)
        if len(live) < len(talkers) - len(errors):
            live = [t for t in talkers if t.sock.fileno() >= 0]
        for talker in live:
            if not ending:
                talker.due(now)
            selector.modify(talker.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if talker.pending else 0), talker)
        for key, events in selector.select(0.002 if args.rate else 0.0005):
            if not isinstance(key.data, Talker):
                key.data.on(events)
                live = [t for t in talkers if t.sock.fileno() >= 0]
                continue
            try:
                key.data.on(events)
            except BlockingIOError:
                pass
            except OSError as e:
                name = errno.errorcode.get(e.errno, "") if e.errno else ""
                errors.append(f"connection {key.data.number} at byte {key.data.received}: {name} {e}".strip())
                selector.unregister(key.data.sock)
                key.data.sock.close()
                live.remove(key.data)
    print(json.dumps({
        "connections": len(talkers),
        "messages": sum(t.received // args.size for t in talkers),
        "bytes": sum(t.received for t in talkers),
        "longestGapMilliseconds": round(max((max(t.gap, time.monotonic() - t.last) for t in talkers), default=0) * 1000, 1),
        "errors": errors,
    }), flush=True)
    return 1 if errors or not talkers else 0


def talk(args):
    host, _, port = args.endpoint.rpartition(":")

    def connect(selector, add, errors):
        for i in range(args.connections):
            try:
                add(socket.create_connection((host, int(port)), timeout=60))
            except OSError as e:
                errors.append(f"connection {i} could not be opened: {e}")
    return converse(connect, args)


def answer(args):
    def connect(selector, add, errors):
        Listener("0.0.0.0", int(args.endpoint), selector, add)
    return converse(connect, args)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("serve")
    command.add_argument("endpoint", nargs="+")
    command.set_defaults(run=serve)
    command = commands.add_parser("dial")
    command.add_argument("endpoint")
    command.add_argument("--connections", type=int, default=1)
    command.set_defaults(run=dial)
    for name, run in (("talk", talk), ("answer", answer)):
        command = commands.add_parser(name)
        command.add_argument("endpoint")
        command.add_argument("--connections", type=int, default=1)
        command.add_argument("--seconds", type=float, default=10)
        command.add_argument("--rate", type=float, default=100, help="messages a second on each connection; 0: as many as possible")
        command.add_argument("--size", type=int, default=64, help="octets in a message")
        command.add_argument("--window", type=int, default=65536, help="octets under way at most")
        command.set_defaults(run=run)
    args = parser.parse_args()
    sys.exit(args.run(args))


if __name__ == "__main__":
    main()
