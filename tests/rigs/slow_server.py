#!/usr/bin/env python3
"""slow_server.py PORT SECONDS: echoes, but accepts only one connection in SECONDS; `never`: none before SIGUSR1, then all."""
import os
import selectors
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from traffic import Echo  # noqa: E402

selector = selectors.DefaultSelector()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen(256)
listener.setblocking(False)
eager = []
signal.signal(signal.SIGUSR1, lambda *_: eager.append(True))
if sys.argv[2] != "never":
    pause = float(sys.argv[2])
    signal.signal(signal.SIGALRM, lambda *_: accept())
    signal.setitimer(signal.ITIMER_REAL, pause, pause)


def accept():
    try:
        Echo(listener.accept()[0], selector)
        return True
    except BlockingIOError:
        return False


print("ready", flush=True)
while True:
    while eager and accept():
        pass
    for key, events in selector.select(0.2):
        key.data.on(events)
