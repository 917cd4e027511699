#!/usr/bin/env python3
"""tracer.py PID: traces a process with ptrace(2) as a debugger does (PTRACE_SEIZE), without stopping it, until it is ended."""
import ctypes
import signal
import sys

PTRACE_SEIZE = 0x4206
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(PTRACE_SEIZE, int(sys.argv[1]), None, None):
    sys.exit(f"ptrace: errno {ctypes.get_errno()}")
print("tracing", flush=True)
signal.pause()
