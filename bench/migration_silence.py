#!/usr/bin/env python3
"""Started by migration-silence.sh in a lab that is up."""
import json
import os
import signal
import statistics
import sys
import time

import local_api
from bench_lab import MACHINES, ROOT, api_of_home, on, on_home, start

SILENCE = sys.argv[1]
HOME = "10.77.0.2"
FREEZES = [20, 50, 100, 200, 300, 400, 600, 800, 1200, 1600]
PHASES = ["hold", "checkpoint", "transfer", "restore", "commit"]
PROGRAMS = {
    "c": ["{silence}", "serve", "{port}", "0"],
    "python3": ["python3", os.path.join(ROOT, "bench/many_connections.py"), "serve", "{port}"],
    "redis-server": ["redis-server", "--port", "{port}", "--save", "", "--protected-mode", "no"],
    "c 16 MB": ["{silence}", "serve", "{port}", "16"],
    "c 64 MB": ["{silence}", "serve", "{port}", "64"],
    "c 256 MB": ["{silence}", "serve", "{port}", "256"],
}
CRIU_ALONE = """
images=$(mktemp -d /run/criu-alone.XXXXXX)
"$1" dump --tree "$2" --images-dir "$images" --tcp-established --network-lock nftables -v0 --log-file dump.log || cat "$images/dump.log"
"$1" restore --restore-detached --images-dir "$images" --tcp-established -v0 --log-file restore.log || cat "$images/restore.log"
rm -rf "$images"
"""


class Talker:
    """A client on peer that knows its longest silence."""

    def __init__(self, port, mode):
        self.process = start("peer", SILENCE, "talk", HOME, str(port), mode)
        if not self.process.stdout.readline():
            raise OSError("the client couldn't connect")

    def silence(self):
        """Milliseconds, since the last call."""
        self.process.stdin.write("\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise OSError("the client's connection broke")
        return int(answer) / 1000

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def command_of(program, port):
    return [part.format(silence=SILENCE, port=port) for part in PROGRAMS[program]]


def until_serving(port):
    deadline = time.monotonic() + 30
    while f":{port} " not in on("home", "ss", "-Hltn"):
        if time.monotonic() > deadline:
            raise OSError(f"nothing listens on port {port}")
        time.sleep(0.1)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, round(share * (len(values) - 1)))]


def moves_of(program, port, rounds):
    name = f"p{port}"
    on_home("run", "--detach", "--name", name, "--", *command_of(program, port))
    until_serving(port)
    client = Talker(port, "redis" if program == "redis-server" else "paced")
    rows = []
    try:
        for _ in range(rounds):
            for node in ("host1", "host2", "home"):
                time.sleep(0.2)
                client.silence()
                result = json.loads(on_home("migrate", name, "--to", node, "--json"))
                time.sleep(0.2)
                rows.append((client.silence(), result))
    finally:
        client.end()
    os.kill(on_machine("home", int(json.loads(on_home("show", name, "--json"))["pid"])), signal.SIGKILL)
    return rows


def on_machine(machine, pid):
    """The number here of a process of a lab machine."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/status", encoding="ascii") as status:
                    numbers = next(line.split()[1:] for line in status if line.startswith("NSpid:"))
                if int(numbers[-1]) == pid and os.readlink(f"/proc/{entry}/ns/pid") == os.readlink(f"/proc/{MACHINES[machine]}/ns/pid"):
                    return int(entry)
            except (OSError, StopIteration):
                continue
    raise OSError(f"no process {pid} on {machine}")


def criu_alone(program, port, times):
    """The client's silences while CRIU dumps and restores the program where it is."""
    starter = os.path.join(ROOT, "build/hook/twins-exec")
    pid = on("home", "sh", "-c", 'starter=$1; shift; "$starter" --stdout /dev/null --stderr /dev/null -- "$@" >/dev/null 2>&1 & echo $!', "-", starter,
             *command_of(program, port)).strip()
    until_serving(port)
    client = Talker(port, "redis" if program == "redis-server" else "paced")
    silences = []
    try:
        for _ in range(times):
            time.sleep(0.2)
            client.silence()
            on("home", "sh", "-c", CRIU_ALONE, "-", os.path.join(ROOT, "build/criu/criu"), pid)
            time.sleep(0.2)
            silences.append(client.silence())
    finally:
        client.end()
        os.kill(on_machine("home", int(pid)), signal.SIGKILL)
    return silences


def moves(rounds, programs):
    print(f"Moves home, host1, host2, home: {rounds} rounds; milliseconds. 'CRIU alone' dumps and restores the program in place.")
    print(f"{'':<14}{'client silence':^22}{'frozen':^22}{'beyond':>8}{'silence':>9}{'CRIU alone':>12}{'frozen':>9}")
    print(f"{'program':<14}{'median':>8}{'p90':>7}{'max':>7}{'median':>8}{'p90':>7}{'max':>7}{'median':>8}{'/frozen':>9}{'silence':>12}{'/CRIU':>9}   "
          + " ".join(f"{p:>10}" for p in PHASES) + f"{'MiB':>8}", flush=True)
    for index, program in enumerate(programs or PROGRAMS):
        alone = criu_alone(program, 7200 + index, max(3, rounds))
        rows = moves_of(program, 7100 + index, rounds)
        silence = [s for s, _ in rows]
        frozen = [r["frozenMilliseconds"] for _, r in rows]
        beyond = statistics.median(s - f for s, f in zip(silence, frozen))
        phases = [statistics.median(next(p["milliseconds"] for p in r["phases"] if p["name"] == name) for _, r in rows) for name in PHASES]
        yardstick = statistics.median(alone)
        print(f"{program:<14}{statistics.median(silence):>8.1f}{percentile(silence, 0.9):>7.1f}{max(silence):>7.1f}"
              f"{statistics.median(frozen):>8.1f}{percentile(frozen, 0.9):>7.1f}{max(frozen):>7.1f}{beyond:>8.1f}"
              f"{statistics.median(silence) / statistics.median(frozen):>9.2f}{yardstick:>12.1f}{statistics.median(frozen) / yardstick:>9.2f}   "
              + " ".join(f"{p:>10.1f}" for p in phases) + f"{statistics.median(r['imageBytes'] for _, r in rows) / 2**20:>8.1f}", flush=True)


def held(rounds):
    port, name = 7300, "held"
    on_home("run", "--detach", "--name", name, "--", *command_of("c", port))
    until_serving(port)
    inner = int(json.loads(on_home("show", name, "--json"))["pid"])
    pid = on_machine("home", inner)
    modes = ["paced", "single", "bulk"]
    clients = [Talker(port, mode) for mode in modes]
    nft = start("home", "nft", "-i")
    drop = (f"add table inet bench; add chain inet bench in {{ type filter hook prerouting priority -400; tcp dport {port} drop; }}; "
            f"add chain inet bench out {{ type filter hook output priority -400; tcp sport {port} drop; }}\n")

    def blackout(milliseconds, hold):
        for client in clients:
            client.silence()
        if hold:
            release = local_api.Call(api_of_home(), "Release", name)
            local_api.Call(api_of_home(), "Hold", name).make()
        else:
            nft.stdin.write(drop)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(milliseconds / 1000)
        os.kill(pid, signal.SIGCONT)
        if hold:
            release.make()
        else:
            nft.stdin.write("delete table inet bench\n")
        # What was dropped comes again when the retransmission timer has doubled.
        time.sleep(0.3 if hold else 0.3 + 1.3 * milliseconds / 1000)
        return [client.silence() for client in clients]

    print(f"The client's longest silence while packets are held by Twins, or dropped; milliseconds, median of {rounds}")
    print(f"{'':>10}" + "".join(f"{m:^26}" for m in ("200 messages/s", "one outstanding request", "bulk, 32 MB/s")))
    print(f"{'freeze':>10}" + f"{'held':>9}{'dropped':>9}{'ratio':>8}" * 3, flush=True)
    try:
        for milliseconds in FREEZES:
            with_hold, with_drop = [], []
            for _ in range(rounds):
                with_hold.append(blackout(milliseconds, hold=True))
                with_drop.append(blackout(milliseconds, hold=False))
            row = f"{milliseconds:>10}"
            for index in range(len(modes)):
                a, b = (statistics.median(times[index] for times in those) for those in (with_hold, with_drop))
                row += f"{a:>9.0f}{b:>9.0f}{a / b:>8.2f}"
            print(row, flush=True)
    finally:
        nft.stdin.close()
        for client in clients:
            client.end()


arguments = sys.argv[2:]
which = arguments.pop(0) if arguments and arguments[0] in ("moves", "held") else "both"
repeats = int(arguments.pop(0)) if arguments else 0
if which in ("moves", "both"):
    moves(repeats or 4, arguments)
if which in ("held", "both"):
    held(repeats or 5)
