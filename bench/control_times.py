#!/usr/bin/env python3
"""Started by control-times.sh in a lab that is up."""
import json
import os
import re
import statistics
import subprocess
import sys
import time

import local_api

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
LAB = os.environ["TWINS_LAB"]
TWINS = os.path.join(ROOT, "build/twins/twins")
RIG = os.path.join(ROOT, "bench/many_connections.py")
OPERATIONS = ["hold", "allocate", "install", "switch", "cancel"]
LINE = re.compile(r": (\w+) of (\d+) connections took ([\d.]+) ms\.")


def twins(*arguments):
    return subprocess.run([TWINS, *arguments], check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL).stdout


MACHINES = {m["name"]: m["initPid"] for m in json.loads(twins("lab", "status", "--json"))["machines"]}


def on_home(*arguments):
    return twins("lab", "exec", "home", "--", TWINS, *arguments)


class Log:
    """What twinsd of a machine has said since the last look."""

    def __init__(self, machine):
        self.path = os.path.join(LAB, machine + ".log")
        self.at = os.path.getsize(self.path)

    def times(self):
        with open(self.path, encoding="utf-8", errors="replace") as log:
            log.seek(self.at)
            text = log.read()
            self.at = log.tell()
        return [(operation, int(connections), float(took)) for operation, connections, took in LINE.findall(text)]


def measure(number, port, moves):
    name = f"many{number}"
    logs = [Log("home"), Log("host1")]
    on_home("run", "--detach", "--name", name, "--", "python3", RIG, "serve", str(port))
    time.sleep(1)
    client = subprocess.Popen(
        [TWINS, "lab", "exec", "peer", "--", "python3", RIG, "talk", "10.77.0.2", str(port), str(number)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    took = {operation: [] for operation in OPERATIONS}
    calls, phases, rules = [], {}, []
    try:
        client.stdout.readline()
        api = f"/proc/{MACHINES['home']}/root/run/twins/twinsd.sock"
        for _ in range(moves):
            rules.append(float(twins("lab", "exec", "peer", "--", "python3", RIG, "rules", str(number))))
            hold, release = local_api.Call(api, "Hold", name), local_api.Call(api, "Release", name)
            started = time.monotonic()
            hold.make()
            calls.append((time.monotonic() - started) * 1000)
            release.make()
            for destination in ("host1", "home"):
                result = json.loads(on_home("migrate", name, "--to", destination, "--json"))
                if result["connections"] != number:
                    raise SystemExit(f"{result['connections']} of {number} connections moved")
                for phase in result["phases"]:
                    phases.setdefault(phase["name"], []).append(phase["milliseconds"])
                client.stdin.write("go\n")
                client.stdout.readline()
                client.stdout.readline()
            for log in logs:
                for operation, connections, milliseconds in log.times():
                    if connections >= number:
                        took[operation].append(milliseconds)
    finally:
        client.stdin.close()
        client.terminate()
        client.wait()
    return took, calls, phases, rules


def cell(values):
    return f"{statistics.median(values):.1f}" if values else "-"


def main():
    moves = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    numbers = [int(n) for n in sys.argv[2:]] or [100, 1000, 10_000]
    print(f"Milliseconds, median of {moves} moves there and back. sum: of the four that a move needs.")
    print("twins hold: the whole call by hand, with reading the sockets.")
    print("nft: what nft(8) alone takes to add an element for each connection, the baseline of the ratio")
    print(f"{'connections':>11}" + "".join(f"{o:>10}" for o in OPERATIONS) + f"{'sum':>10}{'nft':>8}{'ratio':>7}{'twins hold':>12}")
    table = []
    for index, number in enumerate(numbers):
        took, calls, phases, rules = measure(number, 7000 + index, moves)
        total = sum(statistics.median(took[o]) for o in OPERATIONS[:4] if took[o])
        print(f"{number:>11}" + "".join(f"{cell(took[o]):>10}" for o in OPERATIONS) + f"{total:>10.1f}{cell(rules):>8}{total / statistics.median(rules):>7.2f}{cell(calls):>12}", flush=True)
        table.append((number, phases))
    print("\nThe phases of those moves, CRIU among them")
    names = list(table[0][1])
    print(f"{'connections':>11}" + "".join(f"{n:>12}" for n in names))
    for number, phases in table:
        print(f"{number:>11}" + "".join(f"{cell(phases[n]):>12}" for n in names), flush=True)


main()
