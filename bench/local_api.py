"""Calls of twinsd's local API (src/Twins.Protocol/local.proto) without starting a program, for times of milliseconds.

gRPC over HTTP/2 (RFC 9113) with one connection per call: each header is a literal, so nothing of HPACK's state is needed.
"""
import socket
import struct

DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
LARGEST_WINDOW = 2**31 - 1  # an answer with ten thousand endpoints is larger than the window at the start


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def read(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise OSError("twinsd closed the connection")
        data += part
    return data


class Call:
    """One call to make: connected ahead, so that make() is one round trip."""

    def __init__(self, path, method, process):
        name = process.encode()
        message = b"\x0a" + bytes([len(name)]) + name
        headers = b"".join(literal(*h) for h in (
            (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/twins.LocalApi/" + method.encode()), (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"), (b"te", b"trailers")))
        self.method = method
        self.request = (frame(HEADERS, END_HEADERS, 1, headers)
                        + frame(DATA, END_STREAM, 1, b"\0" + struct.pack(">I", len(message)) + message))
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(10)
        self.connection.connect(path)
        self.connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, LARGEST_WINDOW))
                                + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - 65535)))

    def make(self):
        """Returns when the call is done."""
        answered = False
        with self.connection:
            self.connection.sendall(self.request)
            while True:
                head = read(self.connection, 9)
                payload = read(self.connection, int.from_bytes(head[:3], "big"))
                kind, flags = head[3], head[4]
                answered |= kind == DATA and len(payload) > 0
                if kind == SETTINGS and not flags & ACK:
                    self.connection.sendall(frame(SETTINGS, ACK, 0, b""))
                if kind in (HEADERS, DATA) and flags & END_STREAM:
                    if not answered:
                        raise OSError(f"{self.method} was refused: {payload!r}")
                    return
