#!/usr/bin/env python3
"""The moving end of scripted connections: does what it is told over a control connection, which moves along.

  tcp_actor.py CONTROL_PORT DATA_PORT

When the control connection ends, the actor waits for the next one. Each line on it is a JSON list [command, arguments...];
each answer is one JSON line.
  accept                 -> number of a connection accepted on DATA_PORT
  connect HOST PORT      -> number of a connection that is being opened (not waited for)
  create                 -> number of a socket without a connection
  fill N                 -> octets of the pattern sent until the send buffer was full
  send N COUNT           -> COUNT octets of the pattern sent (waits)
  read N COUNT           -> [octets, SHA-256] of what was received until COUNT octets or the end
  read-text N COUNT      -> COUNT octets as text, without urgent ones
  is-urgent N            -> whether an urgent octet waits to be read
  wait-connected N       -> null, or the error
  shutdown N             -> the sending side is closed
  state N                -> [TCP state, unread octets, octets not yet acknowledged]
  close N                -> null
An answer {"error": text} says that a system call failed.
"""
import errno
import fcntl
import hashlib
import json
import select
import socket
import struct
import sys
import termios

STATES = ["", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
          "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING"]
PATTERN = b"".join(i.to_bytes(4, "big") for i in range(1 << 20))


def pattern(offset, count):
    out = bytearray()
    while len(out) < count:
        at = (offset + len(out)) % len(PATTERN)
        out += PATTERN[at:at + count - len(out)]
    return bytes(out)


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.sent = 0
        sock.setblocking(False)

    def fill(self):
        """Until nothing more is taken, and not for a moment only: what was taken may still be sent off."""
        before = self.sent
        while True:
            try:
                self.sent += self.sock.send(pattern(self.sent, 65536))
            except BlockingIOError:
                if not select.select([], [self.sock], [], 0.5)[1]:
                    return self.sent - before

    def send(self, count):
        end = self.sent + count
        while self.sent < end:
            select.select([], [self.sock], [], 60)
            self.sent += self.sock.send(pattern(self.sent, end - self.sent))
        return count

    def read(self, count):
        digest, got = hashlib.sha256(), 0
        while got < count:
            if not select.select([self.sock], [], [], 60)[0]:
                raise OSError(errno.ETIMEDOUT, f"nothing more after {got} octets")
            data = self.sock.recv(min(65536, count - got))
            if not data:
                break
            digest.update(data)
            got += len(data)
        return [got, digest.hexdigest()]

    def read_text(self, count):
        text = b""
        while len(text) < count:
            select.select([self.sock], [], [], 60)
            text += self.sock.recv(count - len(text))
        return text.decode()

    def is_urgent(self):
        return bool(select.select([], [], [self.sock], 0)[2])

    def state(self):
        number = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0]
        sizes = []
        for request in (termios.FIONREAD, termios.TIOCOUTQ):
            try:
                sizes.append(struct.unpack("i", fcntl.ioctl(self.sock, request, b"\0\0\0\0"))[0])
            except OSError:
                sizes.append(0)
        return [STATES[number]] + sizes

    def wait_connected(self):
        select.select([], [self.sock], [], 60)
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return errno.errorcode.get(error, error) if error else None


class Actor:
    def __init__(self, listener):
        self.listener = listener
        self.connections = []

    def add(self, sock):
        self.connections.append(Connection(sock))
        return len(self.connections) - 1

    def do(self, command, *arguments):
        if command == "accept":
            return self.add(self.listener.accept()[0])
        if command == "create":
            return self.add(socket.socket())
        if command == "connect":
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex((arguments[0], arguments[1]))
            return self.add(sock)
        connection, rest = self.connections[arguments[0]], arguments[1:]
        if command == "shutdown":
            return connection.sock.shutdown(socket.SHUT_WR)
        if command == "close":
            return connection.sock.close()
        return {"fill": connection.fill, "send": connection.send, "read": connection.read, "state": connection.state,
                "read-text": connection.read_text, "is-urgent": connection.is_urgent,
                "wait-connected": connection.wait_connected}[command](*rest)


def listen(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", port))
    sock.listen(64)
    return sock


def main():
    control, actor = listen(int(sys.argv[1])), Actor(listen(int(sys.argv[2])))
    while True:
        stream = control.accept()[0].makefile("rwb")
        for line in stream:
            try:
                answer = actor.do(*json.loads(line))
            except OSError as e:
                answer = {"error": str(e)}
            stream.write(json.dumps(answer).encode() + b"\n")
            stream.flush()


main()
