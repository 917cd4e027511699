#!/usr/bin/env python3
"""Input that nobody should send.

  hostile.py datagrams PATH        garbage, truncated, empty and oversized datagrams to a Unix socket
  hostile.py frames PATH           garbage, truncated and oversized messages to a Unix stream socket
  hostile.py tcp HOST:PORT         the same over TCP, then TLS without a certificate and with a foreign one
  hostile.py hold HOST:PORT PROCESS EPOCH    as this node, with its certificate: HoldEndpoints of the node API

Prints one JSON document: {"tried", "refused", "accepted"}; a TLS session counts as accepted when a request on it is answered.
`hold` prints {"status", "code"} of the answer.
"""
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import tempfile

noise = random.Random(7)
MESSAGES = [b"", b"\0", b"\xff" * 10, b"\xff\xff\xff\xff\x7f" + b"x" * 100, b"\x80" * 64, b"\x05ab", b"\x80\x80\x80\x02" + b"\0" * 1000,
            b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
            *[noise.randbytes(n) for n in (1, 7, 64, 500, 4096, 60000)]]
counts = {"tried": 0, "refused": 0, "accepted": 0}


def refused():
    counts["refused"] += 1


def datagrams(path):
    for message in MESSAGES * 3 + [b"\x01" * 150000]:
        counts["tried"] += 1
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(message, path)
            except OSError:
                refused()


def stream(connect):
    for message in MESSAGES:
        counts["tried"] += 1
        try:
            with connect() as sock:
                sock.settimeout(2)
                sock.sendall(message)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
        except OSError:
            refused()


def frames(path):
    def connect():
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        return sock
    stream(connect)


def tls(host, port, context):
    counts["tried"] += 1
    try:
        with socket.create_connection((host, port), timeout=10) as raw, context.wrap_socket(raw) as sock:
            sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            sock.settimeout(5)
            # The handshake of TLS 1.3 ends at the client before the server has judged it.
            counts["accepted" if sock.recv(1) else "refused"] += 1
    except OSError:
        refused()


def tcp(endpoint):
    host, _, port = endpoint.rpartition(":")
    stream(lambda: socket.create_connection((host, int(port)), timeout=10))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    tls(host, int(port), context)
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = os.path.join(directory, "key"), os.path.join(directory, "cert")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=home", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
        tls(host, int(port), context)


def hold(endpoint, process, epoch):
    message = b"\x0a" + bytes([len(process)]) + process.encode() + b"\x10" + bytes([int(epoch)])
    cluster = "/var/lib/twins/cluster/"
    answer = subprocess.run(["curl", "--silent", "--show-error", "--http2", "--insecure", "--max-time", "20",
                             "--cert", cluster + "node.crt", "--key", cluster + "node.key",
                             "--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", "@-",
                             "--dump-header", "-", "--output", "/dev/null", f"https://{endpoint}/twins.NodeApi/HoldEndpoints"],
                            input=b"\0" + len(message).to_bytes(4, "big") + message, check=True, capture_output=True).stdout.decode()
    headers = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
    print(json.dumps({"status": headers.get("grpc-status"), "code": headers.get("twins-code")}))


if sys.argv[1] == "hold":
    hold(*sys.argv[2:])
else:
    {"datagrams": datagrams, "frames": frames, "tcp": tcp}[sys.argv[1]](sys.argv[2])
    print(json.dumps(counts))
