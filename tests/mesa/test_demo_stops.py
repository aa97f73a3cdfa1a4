"""The demo ends as a whole, whatever stops it and whenever: no process, no folder with passwords stays."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from mesa.management.commands.mesa_demo import until_stopped
from mesa.process_tree import STOP_SIGNALS, StopRequested
from tests.live_tree import ROOT
from tests.terminal import Terminal
from tests.waiting import wait_for_end

STOP_LIMIT_S = 30.0
INTERRUPTED = 130


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """A demo on a terminal, whose folder is made in `tmp_path`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
    command = [sys.executable, "manage.py", "mesa_demo", "--once"]
    settings = {"TMPDIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "mesa.settings"}
    with Terminal(command, directory=ROOT, environment=environment | settings) as terminal:
        yield terminal


def descendants(pid: int) -> list[int]:
    """Every process below this one."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [each for word in words for each in (int(word), *descendants(int(word)))]


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("mesa-demo-*")]


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        ("starting store", signal.SIGINT),
        ("starting store", signal.SIGTERM),
        ("starting store", signal.SIGHUP),
        ("registering", signal.SIGTERM),
    ],
)
def test_signal_stops_all_of_it(demo: Terminal, tmp_path: Path, stage: str, number: signal.Signals) -> None:
    demo.wait_for(stage)
    below = descendants(demo.process.pid)

    demo.send(number)
    demo.wait_for("stopping", limit_s=2)
    code = demo.wait(limit_s=STOP_LIMIT_S)

    assert code == INTERRUPTED
    assert "Traceback" not in demo.text
    for pid in below:
        wait_for_end(pid, limit_s=1)
    assert left_in(tmp_path) == []


async def test_second_signal_does_not_cut_the_stopping_short() -> None:
    loop, heard, ended = asyncio.get_running_loop(), asyncio.Event(), []
    loop.add_signal_handler(signal.SIGUSR1, heard.set)

    async def story() -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(signal.SIGTERM)
            # Handled after the one before.
            signal.raise_signal(signal.SIGUSR1)
            await heard.wait()
            ended.append("in order")

    try:
        with pytest.raises(StopRequested):
            await until_stopped(story(), Console(quiet=True))
    finally:
        for number in (*STOP_SIGNALS, signal.SIGUSR1):
            loop.remove_signal_handler(number)

    assert ended == ["in order"]


def test_closed_terminal_stops_all_of_it(demo: Terminal, tmp_path: Path) -> None:
    demo.wait_for("registering")
    below = descendants(demo.process.pid)

    demo.close()
    demo.process.wait(STOP_LIMIT_S)

    for pid in below:
        wait_for_end(pid, limit_s=1)
    assert left_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a signal for the parent's death")
def test_nothing_outlives_a_killed_demo(demo: Terminal) -> None:
    # Agents that run until they are stopped; the server's processes are older.
    demo.wait_for("starting six forwarders")
    demo.wait_for("each a process of its own")
    below = descendants(demo.process.pid)

    demo.send(signal.SIGKILL)

    assert below
    for pid in below:
        wait_for_end(pid)
