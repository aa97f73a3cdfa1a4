"""ada's state directory, closed, with a server that listens; commands are run in it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from peer_agent import cli
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device, acquaint
from tests.peer_agent.listening_server import Server, listening
from tests.peer_agent.served import log_in_at

LIMIT_S = 60
ENDED = {"GET me": (401, "not_authenticated"), "POST refresh": (401, "not_authenticated")}


@dataclass
class Home:
    """ada's state directory, closed, and her server."""

    path: Path
    ada: Device
    server: Server

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "peer_agent", "--state", str(self.path), *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def change(self, work: Callable[[Device], None]) -> None:
        """Do something with ada's store while nobody else has it."""
        self.ada.open()
        with self.ada.store.transaction():
            work(self.ada)
        self.ada.store.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    ada = Device(tmp_path / "ada", "ada")
    bo = Device(tmp_path / "bo", "bo", time=ada.time)
    acquaint(ada, bo)
    server = Server()
    for device in (ada, bo):
        server.add(device.account)
    with listening(server, "ada") as address:
        log_in_at(address, ada)
        ada.store.close()
        bo.store.close()
        yield Home(ada.path, ada, server)


class Said:
    """How a command ended, and what it printed."""

    def __init__(self, code: int, captured: Any) -> None:
        self.code, self.out, self.err = code, captured.out, captured.err

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(home: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    def run_command(*words: str) -> Said:
        code = cli.main(["--state", str(home.path), *words])
        return Said(code, capsys.readouterr())

    return run_command
