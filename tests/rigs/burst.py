#!/usr/bin/env python3
"""burst.py HOST PORT: one connection to an echo server, busy when it is told to be and idle otherwise.

Each line on standard input is a number of octets: they are sent, their echo is read, and `done` is printed.
"""
import socket
import sys
import threading

sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=90)
print("ready", flush=True)
for line in sys.stdin:
    count = int(line)
    sender = threading.Thread(target=sock.sendall, args=(b"x" * count,))
    sender.start()
    while count > 0:
        data = sock.recv(1 << 20)
        if not data:
            sys.exit("the connection was closed")
        count -= len(data)
    sender.join()
    print("done", flush=True)
