#!/usr/bin/env python3
"""A client that echoes what its server sends: opens COUNT connections to HOST:PORT, and one more at each SIGUSR1.

Prints `connected N` after each connection, N being how many it has opened.
"""
import selectors
import signal
import socket
import sys

selector = selectors.DefaultSelector()
wakeup, notify = socket.socketpair()
wakeup.setblocking(False)
notify.setblocking(False)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.set_wakeup_fd(notify.fileno())
opened = 0


def connect():
    global opened
    host, _, port = sys.argv[1].rpartition(":")
    sock = socket.create_connection((host, int(port)), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(True)
    selector.register(sock, selectors.EVENT_READ)
    opened += 1
    print(f"connected {opened}", flush=True)


selector.register(wakeup, selectors.EVENT_READ)
for _ in range(int(sys.argv[2])):
    connect()
while True:
    for key, _ in selector.select():
        if key.fileobj is wakeup:
            wakeup.recv(64)
            connect()
            continue
        data = key.fileobj.recv(65536)
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()
        else:
            key.fileobj.sendall(data)
