#!/usr/bin/env python3
"""patience.py ADDRESS PORT: a client that gives up on a silent peer after four seconds (keepalive: idle 1 s, interval 1 s, 3 probes).

Opens two connections to an echo and says `ready`. Each line of its input is sent on the first or the second (`1 word`, `2 word`);
when it has come back it says `answered word`. When a connection breaks it says `lost` and why, and ends."""
import os
import selectors
import socket
import sys


def connect(address, port):
    sock = socket.create_connection((address, port), timeout=10)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3), (socket.TCP_NODELAY, 1)):
        sock.setsockopt(socket.IPPROTO_TCP, name, value)
    return sock


def main():
    selector = selectors.DefaultSelector()
    connections = [connect(sys.argv[1], int(sys.argv[2])) for _ in range(2)]
    for sock in connections:
        selector.register(sock, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    received = {sock: b"" for sock in connections}
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                lines = os.read(0, 4096)
                if not lines:
                    return
                for line in lines.decode().splitlines():
                    number, word = line.split(" ", 1)
                    connections[int(number) - 1].send(word.encode() + b"\n")
                continue
            try:
                data = key.fileobj.recv(4096)
            except OSError as error:
                print(f"lost: {error}", flush=True)
                sys.exit(1)
            if not data:
                print("lost: end of stream", flush=True)
                sys.exit(1)
            *words, received[key.fileobj] = (received[key.fileobj] + data).split(b"\n")
            for word in words:
                print(f"answered {word.decode()}", flush=True)


main()
