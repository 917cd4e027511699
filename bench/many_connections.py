#!/usr/bin/env python3
"""many_connections.py serve PORT: echoes, for ten thousand connections.
many_connections.py talk HOST PORT NUMBER: opens them; at each line on standard input sends one octet on each, and prints the
milliseconds until all have come back; `sent` when they are sent.
many_connections.py rules NUMBER: prints the milliseconds that nft(8) takes to add so many elements to a map like the one of twinsd."""
import selectors
import socket
import subprocess
import sys
import time


def serve(port):
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("", port), backlog=4096)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif data := key.fileobj.recv(64):
                key.fileobj.send(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


def talk(host, port, number):
    selector = selectors.DefaultSelector()
    connections = [socket.create_connection((host, port), timeout=60) for _ in range(number)]
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ)
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.monotonic()
        for connection in connections:
            connection.send(b"x")
        print("sent", flush=True)
        left = number
        while left:
            for key, _ in selector.select():
                left -= len(key.fileobj.recv(64))
        print((time.monotonic() - started) * 1000, flush=True)


def nft(commands):
    subprocess.run(["nft", "-f", "-"], input=commands, check=True, text=True)


def rules(number):
    nft("add table inet bench; add map inet bench m { type inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service : mark; }")
    elements = ", ".join(f"6 . 10.1.{i >> 14}.1 . {1024 + (i & 0x3fff)} . 10.77.0.2 . 7000 : 1" for i in range(number))
    started = time.monotonic()
    nft(f"add element inet bench m {{ {elements} }}")
    print((time.monotonic() - started) * 1000)
    nft("delete table inet bench")


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
elif sys.argv[1] == "rules":
    rules(int(sys.argv[2]))
else:
    talk(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
