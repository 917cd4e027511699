"""The lab that a benchmark has brought up."""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TWINS = os.path.join(ROOT, "build/twins/twins")


def twins(*arguments):
    done = subprocess.run([TWINS, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise OSError(f"twins {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


MACHINES = {m["name"]: m["initPid"] for m in json.loads(twins("lab", "status", "--json"))["machines"]}


def on(machine, *command):
    return twins("lab", "exec", machine, "--", *command)


def on_home(*arguments):
    return on("home", TWINS, *arguments)


def api_of_home():
    """The socket of twinsd there, from here."""
    return f"/proc/{MACHINES['home']}/root/run/twins/twinsd.sock"


def start(machine, *command):
    """A program with pipes, that goes on."""
    return subprocess.Popen([TWINS, "lab", "exec", machine, "--", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
