#!/usr/bin/env python3
"""self_dialer.py: connects to itself over the loopback interface, where nothing is held.

At SIGUSR1 it does so, leaves the connection in the backlog and prints `waits`; at SIGUSR2 it accepts it, closes both ends and
prints `accepted`.
"""
import signal
import socket

wakeup, notify = socket.socketpair()
notify.setblocking(False)
for number in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, lambda *_: None)
signal.set_wakeup_fd(notify.fileno())
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
print("ready", flush=True)
while True:
    for number in wakeup.recv(64):
        if number == signal.SIGUSR1:
            dialed = socket.create_connection(listener.getsockname())
            print("waits", flush=True)
        else:
            listener.accept()[0].close()
            dialed.close()
            print("accepted", flush=True)
