#!/usr/bin/env python3
"""two_listeners.py PORT: two listeners on one port (SO_REUSEPORT); what comes is answered with the number of the listener."""
import selectors
import socket
import sys

selector = selectors.DefaultSelector()
listeners = {}
for number in (b"1", b"2"):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("0.0.0.0", int(sys.argv[1])))
    sock.listen(64)
    listeners[sock] = number
    selector.register(sock, selectors.EVENT_READ, number)
while True:
    for key, _ in selector.select():
        if key.fileobj in listeners:
            selector.register(key.fileobj.accept()[0], selectors.EVENT_READ, key.data)
        elif key.fileobj.recv(1):
            key.fileobj.sendall(key.data)
        else:
            selector.unregister(key.fileobj)
            key.fileobj.close()
