"""Transactions a second of a whole server, and what one costs: on the embedded default and as in production.

The generator runs beside the server, on the same processors.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    """What came of a run: processor seconds by process, `generator` among them."""

    transactions: int
    seconds: float
    paths_ms: list[float]
    processor_s: Mapping[str, float]

    @property
    def per_s(self) -> float:
        return self.transactions / self.seconds

    def cost_ms(self, *names: str) -> float:
        """Processor time per transaction of processes whose names begin so."""
        spent_s = sum(
            seconds for name, seconds in self.processor_s.items() if name.partition(" ")[0] in names
        )
        return spent_s / self.transactions * 1_000


@contextmanager
def served(profile: str) -> Iterator[tuple[LiveTree, dict[str, int]]]:
    """Run a whole server of one profile; gives it, and the process ids of all that serve."""
    with ExitStack() as stack:
        state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesa-bench-")), "state")
        beside = (PostgreSQL, Redis) if profile == PRODUCTION else ()
        servers = [stack.enter_context(running(kind)) for kind in beside]
        named = {name: value for each in servers for name, value in each.environment.items()}
        tree = LiveTree(
            state_dir,
            environment=named | SECRET if named else {},
            options=("--web", "2") if named else (),
        )
        tree.start()
        stack.callback(tree.stop)
        yield tree, tree.pids | {each.name: each.pid for each in servers}


def carry(profile: str, load: Load) -> Carried:
    """Run a server, devices and transactions once."""
    with served(profile) as (tree, pids):
        seeded = subprocess.run(
            [sys.executable, "-m", "bench.seed", str(load.devices)],
            cwd=ROOT,
            env=tree.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        counts = map(str, (load.warm_up, load.transactions, load.at_once))
        with subprocess.Popen(
            [sys.executable, "-m", "bench.load_process", tree.url, *counts],
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
    assert set(told["states"]) == {"completed"}
    spent = {name: after[name] - before[name] for name in pids}
    return Carried(len(told["states"]), told["seconds"], told["paths_ms"], spent)


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
