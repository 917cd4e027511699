"""Started by windows-diverter.sh, with two namespaces that are up. windows_diverter.py NEAR FAR DIRECTORY [SECONDS [ROUNDS [ROW...]]]"""
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BRIDGE = os.path.join(ROOT, "build/rigs/windivert/bridge")
PROGRAMS = os.path.join(ROOT, "build/rigs/windows")
DIVERTER = os.path.join(ROOT, "bench/WindowsDiverter/bin/Release/net10.0/win-x64/WindowsDiverter.exe")
NEAR, FAR, DIRECTORY = sys.argv[1:4]
SECONDS = int(sys.argv[4]) if len(sys.argv) > 4 else 2
ROUNDS = int(sys.argv[5]) if len(sys.argv) > 5 else 5
HERE, THERE = "10.211.0.1", "10.211.0.2"
PORT, REDIRECTED = 5201, 7000
PIPE = r"\\.\pipe\twins-bench"
SMALL_SEGMENT = 88  # the smallest that Linux lets a program ask for; 12 octets of it are timestamps
KINDS = {"full": (1448, []), "small": (SMALL_SEGMENT - 12, ["-M", str(SMALL_SEGMENT)])}
TICK = os.sysconf("SC_CLK_TCK")
# As in scripts/wine.sh.
WINE = {**os.environ, "WINEDEBUG": "-all", "DOTNET_EnableWriteXorExecute": "0", "LC_ALL": "C.UTF-8"}


def inside(machine, *command):
    return ["nsenter", f"--net=/run/netns/{machine}", "--", *command]


@contextlib.contextmanager
def started(machine, *command, ready=None, patience=60):
    """A program until the block ends; it is killed then, as the driver's handles don't mind."""
    descriptor, log = tempfile.mkstemp(dir=DIRECTORY)
    with open(descriptor, "wb") as output:
        process = subprocess.Popen(inside(machine, *command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=WINE)
    try:
        deadline = time.monotonic() + patience
        while ready is not None:
            with open(log, errors="replace") as text:
                said = text.read()
            if ready in said:
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"{' '.join(command)} isn't ready: {said}")
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def wine(program, *arguments, ready="ready"):
    return started(NEAR, "wine", program, *arguments, ready=ready)


@contextlib.contextmanager
def nothing():
    yield None


@contextlib.contextmanager
def twin():
    with wine(os.path.join(PROGRAMS, "twin.exe"), "--control", PIPE, ready="started") as process, \
            wine(DIVERTER, "redirect", PIPE, f"{HERE}:{REDIRECTED}", f"{THERE}:{PORT}"):
        yield process


RELAY = os.path.join(PROGRAMS, "windows-relay.exe")
# What captures, whether it redirects, and the row that it is compared with besides the bridge.
ROWS = {
    "bridge": (nothing, False, None),
    "c": (lambda: wine(RELAY, "pass", str(PORT)), False, None),
    "diverter": (lambda: wine(DIVERTER, "pass", f"{HERE}:{PORT}"), False, "c"),
    "c-redirect": (lambda: wine(RELAY, "redirect", str(REDIRECTED), THERE, str(PORT)), True, None),
    "twin": (twin, True, "c-redirect"),
}


def processor_time(process):
    """Seconds so far, of all threads."""
    if process is None:
        return 0
    with open(f"/proc/{process.pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def send(address, port, seconds, options):
    """Octets that arrived, and segments that were repeated."""
    command = inside(FAR, "iperf3", "-J", "-c", address, "-p", str(port), "-t", str(seconds), *options)
    deadline = time.monotonic() + 10
    while True:
        result = json.loads(subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds + 30).stdout)
        if "sum_received" in result["end"]:
            return result["end"]["sum_received"], result["end"]["sum_sent"]["retransmits"]
        # The server serves one test at a time, and may not have noticed yet that the last one is over.
        if time.monotonic() > deadline:
            raise OSError(f"iperf3: {result.get('error')}")
        time.sleep(0.2)


def measure(row):
    """For each kind: thousands of segments per second, and microseconds of the bridge and of the program for each."""
    capture, is_redirected, _ = ROWS[row]
    values = {}
    with started(FAR if is_redirected else NEAR, "iperf3", "-s", "-p", str(PORT)), \
            started(NEAR, BRIDGE, "--socket", os.environ["TWINS_RIG_SOCKET"], "--mark", "0x5744", "--queue", "11", ready="ready") as bridge, \
            capture() as program:
        address, port = HERE, REDIRECTED if is_redirected else PORT
        for kind, (octets, options) in KINDS.items():
            send(address, port, 2, options)  # until all code is compiled as it stays
            before = processor_time(bridge), processor_time(program)
            received, repeated = send(address, port, SECONDS, options)
            segments = received["bytes"] / octets
            used = [(now - then) * 1e6 / segments for now, then in zip((processor_time(bridge), processor_time(program)), before)]
            values[kind] = (segments / received["seconds"] / 1000, *used, 1000 * repeated / segments)
    print(f"{row}: " + "; ".join(f"{kind} {rate:.1f} k/s, bridge {of_bridge:.2f} us, program {own:.2f} us, {repeated:.2f} of 1000 repeated"
                                 for kind, (rate, of_bridge, own, repeated) in values.items()), file=sys.stderr)
    return values


def print_table(kind, unit, scale, rows):
    print(f"\n{kind} segments ({KINDS[kind][0]} octets of data): {unit}, then microseconds of processor time for each")
    print(f"{'':<12}{unit:>12}{'lowest':>10}{'highest':>10}{'of bridge':>11}{'of C':>8}{'bridge, us':>12}{'program, us':>13}{'of C':>8}")
    rate = {row: [values[kind][0] * scale for values in rounds] for row, rounds in rows.items()}
    median = {row: statistics.median(rates) for row, rates in rate.items()}
    used = {row: [statistics.median(values[kind][i] for values in rounds) for i in (1, 2)] for row, rounds in rows.items()}

    def ratio(value, base):
        return f"{value / base:.2f}" if base else ""

    for row in rows:
        base = ROWS[row][2]
        print(f"{row:<12}{median[row]:>12.2f}{min(rate[row]):>10.2f}{max(rate[row]):>10.2f}{ratio(median[row], median.get('bridge')):>11}"
              f"{ratio(median[row], median.get(base)):>8}{used[row][0]:>12.2f}{used[row][1]:>13.2f}{ratio(used[row][1], used.get(base, [0, 0])[1]):>8}")


def main():
    names = sys.argv[6:] or list(ROWS)
    rows = {row: [] for row in names}
    for _ in range(ROUNDS):
        for row in names:
            rows[row].append(measure(row))
    print(f"{SECONDS} s each, median of {ROUNDS} rounds, the rows in turn.")
    print_table("full", "Gbit/s", KINDS["full"][0] * 8 / 1e6, rows)
    print_table("small", "thousand/s", 1, rows)


main()
