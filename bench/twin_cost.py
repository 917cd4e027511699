"""Starts each program many times, in turns; prints medians and the ratio to the first. twin_cost.py TWIN [STARTS]"""
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TWIN, STARTS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 21
MEMORY = {"Rss": "resident", "Pss": "its share", "Private": "its own"}


def start(program, path):
    command = {
        "socat": ["socat", f"UNIX-LISTEN:{path},fork", "TCP:127.0.0.1:9"],
        "twin": [TWIN, "--control", path, "--queue", "7000"],
    }[program]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(path)
                return process, (time.monotonic() - began) * 1000
            except OSError:
                if process.poll() is not None or time.monotonic() - began > 10:
                    raise SystemExit(f"{' '.join(command)} doesn't get ready")
        time.sleep(0.0002)


def memory(process):
    """KiB, by the kernel's sums over its mappings (proc_pid_smaps(5))."""
    sums = dict.fromkeys(MEMORY, 0)
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as lines:
        for line in list(lines)[1:]:
            name, value = line.split(":")
            for wanted in MEMORY:
                if name == wanted or (wanted == "Private" and name.startswith("Private_") and "Hugetlb" not in name):
                    sums[wanted] += int(value.split()[0])
    return sums


figures = {}
with tempfile.TemporaryDirectory() as directory:
    for turn in range(STARTS):
        for program in ("socat", "twin"):
            process, milliseconds = start(program, os.path.join(directory, f"{program}-{turn}"))
            row = {"start, ms": milliseconds} | {f"{text}, MiB": memory(process)[name] / 1024 for name, text in MEMORY.items()}
            process.kill()
            process.wait()
            for name, value in row.items():
                figures.setdefault(name, {}).setdefault(program, []).append(value)

print(f"{'median of ' + str(STARTS) + ' starts':<24} {'socat':>8} {'twin':>8} {'ratio':>8}")
for name, values in figures.items():
    base, twin = (statistics.median(values[program]) for program in ("socat", "twin"))
    print(f"{name:<24} {base:>8.1f} {twin:>8.1f} {twin / base:>8.1f}")
