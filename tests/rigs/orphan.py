#!/usr/bin/env python3
"""orphan.py PROGRAM ARGUMENTS...: starts a program with a socket as descriptor 3 and lets init have it; holds the other end until it is ended."""
import os
import signal
import socket
import sys

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if os.fork() == 0:
    if os.fork() == 0:
        ours.close()
        descriptor = theirs.detach()
        if descriptor == 3:
            os.set_inheritable(3, True)
        else:
            os.dup2(descriptor, 3)
            os.close(descriptor)
        os.execv(sys.argv[1], sys.argv[1:])
    os._exit(0)
os.wait()
theirs.close()
print("ready", flush=True)
signal.pause()
