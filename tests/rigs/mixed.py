#!/usr/bin/env python3
"""mixed.py PORT PORT HOST:PORT COUNT: echoes on two listeners, and on COUNT connections that it opens itself."""
import os
import selectors
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from traffic import Echo, Listener  # noqa: E402

selector = selectors.DefaultSelector()
for port in sys.argv[1:3]:
    Listener("0.0.0.0", int(port), selector, lambda s: Echo(s, selector))
host, _, port = sys.argv[3].rpartition(":")
for _ in range(int(sys.argv[4])):
    Echo(socket.create_connection((host, int(port)), timeout=30), selector)
print("ready", flush=True)
while True:
    for key, events in selector.select():
        key.data.on(events)
