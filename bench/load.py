"""Transactions a second of a whole server, and what one costs: on the embedded default and as in production.

The same is asked of a bare server on the same stack. The generator runs beside the server, on the same
processors, and is the same for both.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.bare.server import bare_server
from tests.live_tree import ROOT, LiveTree
from tests.servers import PostgreSQL, Redis, running

EMBEDDED, PRODUCTION = "embedded", "PostgreSQL + Redis"
PROFILES = (EMBEDDED, PRODUCTION)
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SECRET = {"MESA_SECRET_KEY": "bench-only-" + "x" * 40}


@dataclass(frozen=True)
class Load:
    """How many devices there are, how many transactions are at once under way, and how many are counted."""

    devices: int
    at_once: int
    warm_up: int
    transactions: int


@dataclass(frozen=True)
class Carried:
    """What came of a run: processor seconds by process, `generator` among them.

    frames, octets: what peers sent and got, by type (`bench.light_peer.Traffic`).
    """

    transactions: int
    seconds: float
    paths_ms: list[float]
    processor_s: Mapping[str, float]
    frames: Mapping[str, int]
    octets: Mapping[str, int]

    @property
    def per_s(self) -> float:
        return self.transactions / self.seconds

    @property
    def frames_each(self) -> float:
        """Frames of a transaction in both directions, its POST included."""
        return sum(self.frames.values()) / self.transactions

    @property
    def kib_each(self) -> float:
        """What these are together."""
        return sum(self.octets.values()) / self.transactions / 1_024

    def cost_ms(self, *names: str) -> float:
        """Processor time per transaction of processes whose names begin so."""
        spent_s = sum(
            seconds for name, seconds in self.processor_s.items() if name.partition(" ")[0] in names
        )
        return spent_s / self.transactions * 1_000


@dataclass(frozen=True)
class Served:
    """A server that runs, with the environment that its seeds need and the ids of all its processes."""

    url: str
    environment: Mapping[str, str]
    pids: Mapping[str, int]


# Runs a server in a directory, for so many devices, with the servers that an environment names.
Serve = Callable[[Path, Mapping[str, str], int], AbstractContextManager[Served]]


@dataclass(frozen=True)
class Side:
    """Mesa's server or the bare one; `seed` is the module that makes its devices.

    known_after_s: until all devices that are online are known to each other.
    """

    serve: Serve
    seed: str
    known_after_s: float


@contextmanager
def served(state_dir: Path, given: Mapping[str, str], _: int) -> Iterator[Served]:
    """Run Mesa's whole server."""
    environment = {**given, **SECRET} if given else {}
    tree = LiveTree(state_dir, environment=environment, options=("--web", str(_web_processes(given))))
    tree.start()
    try:
        yield Served(tree.url, tree.environment, tree.pids)
    finally:
        tree.stop()


@contextmanager
def served_bare(state_dir: Path, given: Mapping[str, str], devices: int) -> Iterator[Served]:
    """Run the bare server, with as many processes."""
    with bare_server(state_dir, given, devices, _web_processes(given)) as server:
        yield Served(server.url, server.environment, server.pids)


def _web_processes(given: Mapping[str, str]) -> int:
    return 2 if given else 1


MESA: Final = Side(served, "bench.seed", known_after_s=10.5)
BARE: Final = Side(served_bare, "bench.bare.seed", known_after_s=0)


def carry(profile: str, load: Load, side: Side = MESA) -> Carried:
    """Run a server, devices and transactions once."""
    with ExitStack() as stack:
        state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesa-bench-")), "state")
        beside = [
            stack.enter_context(running(kind))
            for kind in ((PostgreSQL, Redis) if profile == PRODUCTION else ())
        ]
        given = {name: value for each in beside for name, value in each.environment.items()}
        server = stack.enter_context(side.serve(state_dir, given, load.devices))
        pids = {**server.pids, **{each.name: each.pid for each in beside}}
        return _generate(server, pids, load, side)


def _generate(server: Served, pids: dict[str, int], load: Load, side: Side) -> Carried:
    seeded = subprocess.run(
        [sys.executable, "-m", side.seed, str(load.devices)],
        cwd=ROOT,
        env=server.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    counts = map(str, (load.warm_up, load.transactions, load.at_once, side.known_after_s))
    with subprocess.Popen(
        [sys.executable, "-m", "bench.load_process", server.url, *counts],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(seeded + "\n")
        generator.stdin.flush()
        pids["generator"] = generator.pid
        assert generator.stdout.readline() == "go\n"
        before = {name: processor_s(pid) for name, pid in pids.items()}
        generator.stdin.write("\n")
        generator.stdin.flush()
        told = json.loads(generator.stdout.readline())
        # Before its end: a process that is gone tells nothing.
        after = {name: processor_s(pid) for name, pid in pids.items()}
    states = told.pop("states")
    assert set(states) == {"completed"}
    spent = {name: after[name] - before[name] for name in pids}
    return Carried(transactions=len(states), processor_s=spent, **told)


def processor_s(pid: int) -> float:
    """Processor seconds of a process, of its children that run, and of those that have ended."""
    mine = _ticks(pid, with_ended=True)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (mine + sum(_ticks(int(child), with_ended=False) for child in children)) / TICKS_PER_S


def _ticks(pid: int, *, with_ended: bool) -> int:
    # The command's name, in brackets, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    utime, stime, cutime, cstime = map(int, fields[11:15])
    return utime + stime + (cutime + cstime if with_ended else 0)
