#!/usr/bin/env python3
"""Started by path-throughput.sh in a lab that is up."""
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TWINS = os.path.join(ROOT, "build/twins/twins")
RELAY = os.path.join(ROOT, "build/bench/nfqueue-relay")
PEER, HOME, HOST = "10.77.0.1", "10.77.0.2", "10.77.0.3"
SMALL_SEGMENT = 88  # the smallest that Linux lets a program ask for; 12 octets of it are timestamps
CLIENTS, REQUESTS = 50, 60_000
# What each path is reached by: address, iperf3's port, redis-server's port.
PATHS = {"forward": (HOST, 5201, 6301), "twins": (HOME, 5202, 6302), "captured": (HOME, 5202, 6302), "nfqueue-c": (HOME, 5203, 6303), "nat": (HOME, 5204, 6304),
         "socat": (HOME, 5205, 6305), "haproxy": (HOME, 5206, 6306)}
PORTS_BETWEEN = 20_000  # as nfqueue-relay.c has it


def twins(*arguments):
    return subprocess.run([TWINS, *arguments], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


MACHINES = {m["name"]: m["initPid"] for m in json.loads(twins("lab", "status", "--json"))["machines"]}


def in_network(pid, *command):
    return ["nsenter", f"--net=/proc/{pid}/ns/net", "--", *command]


def run(machine, *command):
    return subprocess.run(in_network(MACHINES[machine], *command), check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


@contextlib.contextmanager
def started(pid, *command, ready=None):
    """A program in the network namespace of that process, until the block ends."""
    process = subprocess.Popen(in_network(pid, *command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if ready is not None:
            line = process.stdout.readline()
            if ready not in line:
                raise OSError(f"{command[0]} didn't start: {line}")
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for(pid, *ports):
    """Until these ports are listened on."""
    deadline = time.monotonic() + 20
    while True:
        listening = subprocess.run(in_network(pid, "ss", "-Hltn"), check=True, capture_output=True, text=True).stdout
        if all(f":{port} " in listening for port in ports):
            return
        if time.monotonic() > deadline:
            raise OSError(f"nobody listens on {ports}")
        time.sleep(0.05)


@contextlib.contextmanager
def servers(pid, iperf, redis):
    with started(pid, "iperf3", "-s", "-p", str(iperf)), \
            started(pid, "redis-server", "--port", str(redis), "--save", "", "--protected-mode", "no"):
        wait_for(pid, iperf, redis)
        yield


@contextlib.contextmanager
def forward():
    """peer's way to host1 and back leads through home."""
    run("home", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0")
    run("peer", "ip", "route", "add", f"{HOST}/32", "via", HOME)
    run("host1", "ip", "route", "add", f"{PEER}/32", "via", HOME)
    try:
        yield
    finally:
        run("peer", "ip", "route", "del", f"{HOST}/32")
        run("host1", "ip", "route", "del", f"{PEER}/32")
        run("home", "sysctl", "-qw", "net.ipv4.ip_forward=0")


@contextlib.contextmanager
def moved():
    """The product: both servers were started on home and have moved to host1."""
    yield


@contextlib.contextmanager
def captured():
    """The same, while `twins capture` writes what home's twin does with the packets of both to files."""
    with contextlib.ExitStack() as stack:
        for name in ("iperf3", "redis"):
            file = os.path.join(ROOT, f"build/bench/{name}.pcapng")
            with contextlib.suppress(FileNotFoundError):
                os.remove(file)
            capture = subprocess.Popen([TWINS, "lab", "exec", "home", "--", TWINS, "capture", name, "-w", file],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(capture.wait)
            stack.callback(capture.terminate)
            while not os.path.exists(file):
                if capture.poll() is not None:
                    raise OSError(f"the capture of {name} ended with {capture.returncode}")
                time.sleep(0.05)
        yield


def start_and_move():
    _, iperf, redis = PATHS["twins"]
    for name, command in (("iperf3", ["iperf3", "-s", "-p", str(iperf)]),
                          ("redis", ["redis-server", "--port", str(redis), "--save", "", "--protected-mode", "no"])):
        twins("lab", "exec", "home", "--", TWINS, "run", "--detach", "--name", name, "--", *command)
    wait_for(MACHINES["home"], iperf, redis)
    for name in ("iperf3", "redis"):
        print(f"{name}: " + twins("lab", "exec", "home", "--", TWINS, "migrate", name, "--to", "host1").splitlines()[0], file=sys.stderr)


@contextlib.contextmanager
def nfqueue_c():
    """The C program at home and at host1, and a cabin beside host1 with the servers."""
    _, iperf, redis = PATHS["nfqueue-c"]
    ports = [iperf, redis]
    divert = [("home", ["-p", "tcp", "-s", PEER, "-m", "multiport", "--dports", ",".join(map(str, ports))])]
    legs = ",".join(str(port + PORTS_BETWEEN) for port in ports)
    divert += [("home", ["-p", "tcp", "-s", HOST, "-m", "multiport", "--sports", legs]),
               ("host1", ["-p", "tcp", "-s", HOME, "-m", "multiport", "--dports", legs])]
    with contextlib.ExitStack() as stack:
        cabin = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        stack.callback(cabin.wait)
        stack.callback(cabin.terminate)
        cabin.stdout.readline()
        for machine, match in divert:
            run(machine, "iptables", "-w", "-t", "raw", "-A", "PREROUTING", *match, "-j", "NFQUEUE", "--queue-num", "9000")
            stack.callback(run, machine, "iptables", "-w", "-t", "raw", "-D", "PREROUTING", *match, "-j", "NFQUEUE", "--queue-num", "9000")
        stack.enter_context(started(MACHINES["home"], RELAY, "home", "9000", PEER, HOME, HOST, ready="ready"))
        stack.enter_context(started(MACHINES["host1"], RELAY, "host", "9000", PEER, HOME, HOST, str(cabin.pid), ready="ready"))
        for command in ("link set lo up", f"address add {HOME}/32 dev lo", "link set twins0 up", "route add default dev twins0"):
            subprocess.run(in_network(cabin.pid, "ip", *command.split()), check=True)
        stack.enter_context(servers(cabin.pid, iperf, redis))
        yield


@contextlib.contextmanager
def nat():
    _, *ports = PATHS["nat"]
    run("home", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    rules = "add table ip bench\nadd chain ip bench in { type nat hook prerouting priority -100; }\n" \
            "add chain ip bench out { type nat hook postrouting priority 100; }\n" \
            f"add rule ip bench out ip daddr {HOST} ct status dnat masquerade\n"
    for port, to in zip(ports, PATHS["forward"][1:]):
        rules += f"add rule ip bench in tcp dport {port} dnat to {HOST}:{to}\n"
    run("home", "nft", rules)
    try:
        yield
    finally:
        run("home", "nft", "delete table ip bench")
        run("home", "sysctl", "-qw", "net.ipv4.ip_forward=0")


@contextlib.contextmanager
def socat():
    _, *ports = PATHS["socat"]
    with contextlib.ExitStack() as stack:
        for port, to in zip(ports, PATHS["forward"][1:]):
            stack.enter_context(started(MACHINES["home"], "socat", "-b", "262144",
                                        f"TCP-LISTEN:{port},fork,reuseaddr,nodelay,backlog=128", f"TCP:{HOST}:{to},nodelay"))
        wait_for(MACHINES["home"], *ports)
        yield


@contextlib.contextmanager
def haproxy():
    _, *ports = PATHS["haproxy"]
    text = "global\n nbthread 2\n maxconn 1000\ndefaults\n mode tcp\n option splice-auto\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
    for port, to in zip(ports, PATHS["forward"][1:]):
        text += f"listen p{port}\n bind :{port}\n server s {HOST}:{to}\n"
    configuration = os.path.join(ROOT, "build/bench/haproxy.cfg")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(text)
    with started(MACHINES["home"], "haproxy", "-db", "-f", configuration):
        wait_for(MACHINES["home"], *ports)
        yield


def gigabits(path, seconds, *options):
    address, port, _ = PATHS[path]
    command = in_network(MACHINES["peer"], "iperf3", "-J", "-c", address, "-p", str(port), "-t", str(seconds), *options)
    deadline = time.monotonic() + 10
    while True:
        result = json.loads(subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds + 20).stdout)
        if "sum_received" in result["end"]:
            return result["end"]["sum_received"]["bits_per_second"] / 1e9
        # The server serves one test at a time, and may not have noticed yet that the last one is over.
        if time.monotonic() > deadline:
            raise OSError(f"iperf3 through {path}: {result.get('error')}")
        time.sleep(0.2)


def requests(path):
    """Thousands per second."""
    address, _, port = PATHS[path]
    out = run("peer", "redis-benchmark", "-h", address, "-p", str(port), "-t", "get", "-c", str(CLIENTS), "-n", str(REQUESTS), "--csv")
    return float(out.splitlines()[-1].split(",")[1].strip('"')) / 1000


def measure(path, seconds):
    return [gigabits(path, seconds), gigabits(path, seconds, "-R"), gigabits(path, seconds, "-P", "8"), gigabits(path, seconds, "-P", "8", "-R"),
            gigabits(path, seconds, "-M", str(SMALL_SEGMENT)) * 1e6 / (8 * (SMALL_SEGMENT - 12)), requests(path)]


COLUMNS = ["1 to process", "1 to peer", "8 to process", "8 to peer", "small, k/s", "requests, k/s"]
WAYS = {"forward": forward, "twins": moved, "captured": captured, "nfqueue-c": nfqueue_c, "nat": nat, "socat": socat, "haproxy": haproxy}


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    paths = sys.argv[3:] or list(WAYS)
    rows = {path: [] for path in paths}
    if {"twins", "captured"} & set(paths):
        start_and_move()
    with servers(MACHINES["host1"], *PATHS["forward"][1:]):
        for _ in range(rounds):
            for path in paths:
                with WAYS[path]():
                    rows[path].append(measure(path, seconds))
                print(f"{path}: " + ", ".join(f"{value:.2f}" for value in rows[path][-1]), file=sys.stderr)
    print(f"Streams in Gbit/s, then segments of {SMALL_SEGMENT - 12} octets and requests of {CLIENTS} clients; "
          f"{seconds} s each, median of {rounds}. In brackets: of plain forwarding in this run.")
    print(f"{'':<10}" + "".join(f"{column:>20}" for column in COLUMNS))
    base = None
    for path in paths:
        values = [statistics.median(column) for column in zip(*rows[path])]
        base = base or values
        print(f"{path:<10}" + "".join(f"{f'{value:.2f} ({value / first:.2f})':>20}" for value, first in zip(values, base)))


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
main()
