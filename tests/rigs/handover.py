#!/usr/bin/env python3
"""Another migrator, for a program that no checkpoint can take: it moves TCP connections alone (TCP_REPAIR in tcp(7), linux/tcp.h).

take PID PORT       reads the connections on PORT of the program whose descriptors PID has, as JSON; they stay in repair mode, so that
                    the end of the program says nothing to the peers. Nothing may be arriving, and nothing be unread: what a program
                    has read and not answered would be lost. Exit code 3 while something is unread.
give PORT <JSON     makes a listener on PORT and the connections, in the network namespace that it runs in, and echoes what comes.
                    Says "ready" when all of them are there.
"""
import ctypes
import fcntl
import json
import os
import selectors
import socket
import struct
import sys
import time

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_REPAIR_OPTIONS, TCP_TIMESTAMP, TCP_REPAIR_WINDOW = 19, 20, 21, 22, 24, 29
RECEIVE_QUEUE, SEND_QUEUE = 1, 2
SIOCINQ, SIOCOUTQ, SIOCOUTQNSD = 0x541B, 0x5411, 0x894B
OPTION_MSS, OPTION_WINDOW_SCALE, OPTION_SACK, OPTION_TIMESTAMPS = 2, 3, 4, 8
HAS_TIMESTAMPS, HAS_SACK, HAS_WINDOW_SCALE = 1, 2, 4  # TCPI_OPT_*
ESTABLISHED = 1
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438

libc = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    result = libc.syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def get(sock, option):
    return sock.getsockopt(socket.IPPROTO_TCP, option) & 0xFFFFFFFF


def put(sock, option, value):
    sock.setsockopt(socket.IPPROTO_TCP, option, value if isinstance(value, bytes) else struct.pack("I", value))


def ask(sock, request):
    return struct.unpack("i", fcntl.ioctl(sock, request, struct.pack("i", 0)))[0]


def copies(pid):
    """The program's sockets, shared with it."""
    pidfd = call(SYS_PIDFD_OPEN, pid, 0)
    seen = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:") and target not in seen:
            seen.add(target)
            yield socket.socket(fileno=call(SYS_PIDFD_GETFD, pidfd, int(name), 0))


def is_connection(sock, port):
    if sock.family != socket.AF_INET or sock.type != socket.SOCK_STREAM:
        return False
    return sock.getsockname()[1] == port and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED


def read(sock):
    put(sock, TCP_REPAIR, 1)
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
    put(sock, TCP_REPAIR_QUEUE, SEND_QUEUE)
    length, unsent, sequence = ask(sock, SIOCOUTQ), ask(sock, SIOCOUTQNSD), get(sock, TCP_QUEUE_SEQ)
    data = sock.recv(length, socket.MSG_PEEK | socket.MSG_DONTWAIT) if length else b""
    assert len(data) == length
    put(sock, TCP_REPAIR_QUEUE, RECEIVE_QUEUE)
    return {
        "local": sock.getsockname(), "peer": sock.getpeername(), "options": info[5], "send_scale": info[6] & 15, "receive_scale": info[6] >> 4,
        "mss": get(sock, socket.TCP_MAXSEG), "timestamp": get(sock, TCP_TIMESTAMP), "receive": get(sock, TCP_QUEUE_SEQ),
        "send": (sequence - length) & 0xFFFFFFFF, "data": data.hex(), "unsent": unsent,
        "window": sock.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, 20).hex(),
    }


def take(pid, port):
    connections = [sock for sock in copies(pid) if is_connection(sock, port)]
    # A program with one thread has answered what it has read when there is nothing to read for a while.
    for _ in range(20):
        if any(ask(sock, SIOCINQ) for sock in connections):
            sys.exit(3)
        time.sleep(0.01)
    json.dump([read(sock) for sock in connections], sys.stdout)


def make(state):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    put(sock, TCP_REPAIR, 1)
    sock.bind(tuple(state["local"]))
    put(sock, TCP_REPAIR_QUEUE, RECEIVE_QUEUE)
    put(sock, TCP_QUEUE_SEQ, state["receive"])
    put(sock, TCP_REPAIR_QUEUE, SEND_QUEUE)
    put(sock, TCP_QUEUE_SEQ, state["send"])
    sock.connect(tuple(state["peer"]))
    options = struct.pack("II", OPTION_MSS, state["mss"])
    if state["options"] & HAS_WINDOW_SCALE:
        options += struct.pack("II", OPTION_WINDOW_SCALE, state["send_scale"] | state["receive_scale"] << 16)
    if state["options"] & HAS_SACK:
        options += struct.pack("II", OPTION_SACK, 0)
    if state["options"] & HAS_TIMESTAMPS:
        options += struct.pack("II", OPTION_TIMESTAMPS, 0)
        put(sock, TCP_TIMESTAMP, state["timestamp"])
    put(sock, TCP_REPAIR_OPTIONS, options)
    data = bytes.fromhex(state["data"])
    sent, unsent = data[:len(data) - state["unsent"]], data[len(data) - state["unsent"]:]
    if sent:
        sock.sendall(sent)
    put(sock, TCP_REPAIR_WINDOW, bytes.fromhex(state["window"]))
    return sock, unsent


def echo(sock):
    try:
        data = sock.recv(65536)
        sock.sendall(data)
        return bool(data)
    except OSError:
        return False  # its peer has left in a hurry, which is nothing to the others


def give(port):
    made = [make(state) for state in json.load(sys.stdin)]
    listener = socket.create_server(("0.0.0.0", port), backlog=100)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    # Only what can be answered leaves repair mode.
    for sock, unsent in made:
        put(sock, TCP_REPAIR, 0)
        if unsent:
            sock.sendall(unsent)
        selector.register(sock, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            if not echo(key.fileobj):
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["take"] and len(sys.argv) == 4:
        take(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["give"] and len(sys.argv) == 3:
        give(int(sys.argv[2]))
    else:
        sys.exit(__doc__)
