#!/usr/bin/env python3
"""Started by held-connections.sh in a lab that is up."""
import json
import os
import statistics
import sys
import time

import local_api
from bench_lab import MACHINES, ROOT, api_of_home, on_home, start

RIG = os.path.join(ROOT, "bench/many_connections.py")
NUMBERS = [100, 1000, 10_000]


def resident_kib(pid):
    """Of a process by its number on home."""
    with open(f"/proc/{MACHINES['home']}/root/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def milliseconds(call):
    started = time.monotonic()
    call()
    return (time.monotonic() - started) * 1000


def measure(number, port, rounds):
    name = f"many{number}"
    on_home("run", "--detach", "--name", name, "--", "python3", RIG, "serve", str(port))
    time.sleep(1)
    client = start("peer", "python3", RIG, "talk", "10.77.0.2", str(port), str(number))
    rows = []
    try:
        client.stdout.readline()
        api = api_of_home()
        for _ in range(rounds):
            client.stdin.write("go\n")
            client.stdout.readline()
            without = float(client.stdout.readline())
            release = local_api.Call(api, "Release", name)
            hold = milliseconds(local_api.Call(api, "Hold", name).make)
            twin = json.loads(on_home("show", name, "--json"))["twinPid"]
            before = resident_kib(twin)
            client.stdin.write("go\n")
            client.stdout.readline()
            time.sleep(1)
            after = resident_kib(twin)
            held = json.loads(on_home("show", name, "--json"))["heldPackets"]
            started = time.monotonic()
            released = milliseconds(release.make)
            client.stdout.readline()
            rows.append((without, hold, released, (time.monotonic() - started) * 1000, before, after, held))
    finally:
        client.stdin.close()
        client.terminate()
        client.wait()
    return [statistics.median(column) for column in zip(*rows)]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"Holds of one packet of each connection; median of {rounds}")
    print(f"{'connections':>11}{'packets held':>14}{'hold ms':>9}{'release ms':>12}{'answered ms':>13}{'without a hold ms':>19}{'ratio':>7}"
          f"{'twin KiB':>10}{'holding KiB':>13}")
    for index, number in enumerate(NUMBERS):
        without, hold, released, answered, before, after, held = measure(number, 7000 + index, rounds)
        print(f"{number:>11}{held:>14.0f}{hold:>9.1f}{released:>12.1f}{answered:>13.1f}{without:>19.1f}{answered / without:>7.2f}"
              f"{before:>10.0f}{after:>13.0f}", flush=True)


main()
