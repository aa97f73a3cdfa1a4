"""What README.md has a newcomer type does what it says: the lines are run as they stand there."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_tree import ROOT, LiveTree
from tests.waiting import wait_for

SERVER = "http://127.0.0.1:8000"
INSTALL = "python3 -m venv agent && agent/bin/pip install .\n"
LIMIT_S = 100
LAUNCHER = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m peer_agent "$@"\n'


class Place:
    """A directory in which the agent is installed as the first line has it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.running: list[subprocess.Popen[bytes]] = []
        launcher = folder / "agent" / "bin" / "mesa-peer"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(LAUNCHER)
        launcher.chmod(stat.S_IRWXU)

    def start(self, lines: str, output: str) -> "subprocess.Popen[bytes]":
        """Run lines in a shell of their own, with all output in a file."""
        with (self.folder / output).open("wb") as file:
            shell = subprocess.Popen(
                ["bash", "-eu", "-c", lines.replace(SERVER, self.url)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        self.running.append(shell)
        return shell

    def said(self, output: str) -> str:
        return (self.folder / output).read_text()

    def run(self, lines: str, output: str) -> str:
        """Run lines to their end; what goes on in the background goes on."""
        assert self.start(lines, output).wait(LIMIT_S) == 0, self.said(output)
        return self.said(output)

    def stop(self) -> None:
        """End every process that was started, in the background, too."""
        for shell in self.running:
            try:
                os.killpg(shell.pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
            shell.wait(LIMIT_S)


@pytest.fixture
def place(live_server_tree: LiveTree, tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path, live_server_tree.url)
    yield place
    place.stop()


def blocks() -> list[str]:
    """The lines to type in the section about agents, terminal by terminal."""
    section = (ROOT / "README.md").read_text().split("## Run an agent")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(300)
def test_lines_of_the_readme_bring_a_message_from_ada_to_bo(place: Place) -> None:
    first, listening, writing = blocks()
    assert first.startswith(INSTALL)

    met = place.run(first.removeprefix(INSTALL), "met")
    place.start(listening, "heard")
    sent = place.run(writing, "sent")

    assert "ada  asks to be a contact: It is ada, from the workshop." in met
    assert met.endswith("ada is a contact now.\n")
    assert sent == "Delivered.\n"
    wait_for(lambda: re.search(r"^\d\d:\d\d ada: Hello\.$", place.said("heard"), re.MULTILINE))


def test_server_of_the_readme_is_the_one_that_make_serve_starts() -> None:
    assert any(SERVER in block for block in blocks())
    assert f"on {SERVER} " in (ROOT / "README.md").read_text()
