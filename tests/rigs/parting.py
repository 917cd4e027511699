#!/usr/bin/env python3
"""Connections that the server closes while their client has read almost nothing.

  parting.py serve PORT            sends OCTETS octets to whoever connects, and closes
  parting.py read HOST:PORT        reads one octet, says "ready", waits for a line on standard input, then reads to the end;
                                   prints {"octets", "intact"}
"""
import json
import socket
import sys

OCTETS = 150_000


def stream():
    return b"".join((i * 2654435761 & 0xFFFFFFFF).to_bytes(4, "big") for i in range(OCTETS // 4))


def serve(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    listener.bind(("0.0.0.0", port))
    listener.listen(16)
    data = stream()
    while True:
        connection = listener.accept()[0]
        connection.sendall(data)
        connection.close()


def read(endpoint):
    host, _, port = endpoint.rpartition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    received = connection.recv(1)
    print("ready", flush=True)
    sys.stdin.readline()
    connection.settimeout(60)
    while data := connection.recv(65536):
        received += data
    print(json.dumps({"octets": len(received), "intact": received == stream()}), flush=True)


serve(int(sys.argv[2])) if sys.argv[1] == "serve" else read(sys.argv[2])
