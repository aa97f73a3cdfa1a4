"""Real agent processes: started on the command line, heard by their `--json` events."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live_tree import ROOT

Event = dict[str, Any]

PASSWORD = "correct horse battery"
COMMAND_LIMIT_S = 60.0
EVENT_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
MESA_PEER = (sys.executable, "-m", "peer_agent")


@dataclass
class Account:
    """A registered user's state directory."""

    name: str
    state: Path

    def run(self, *arguments: str, text: str = "", limit_s: float = COMMAND_LIMIT_S) -> list[Event]:
        """Run a command to its end; returns what it printed.

        Raises:
            CalledProcessError: it failed; its standard error tells why.
        """
        done = subprocess.run(
            [*MESA_PEER, "--state", str(self.state), "--json", *arguments],
            cwd=ROOT,
            env=environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *arguments: str) -> "Agent":
        """Start a command that goes on until it is stopped."""
        return Agent(self.name, [*MESA_PEER, "--state", str(self.state), "--json", *arguments])


@dataclass
class Agent:
    """A running agent and all it has said."""

    name: str
    command: list[str]
    events: list[Event] = field(default_factory=list)
    errors: str = ""

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def wait_for(self, matches: Callable[[list[Event]], bool], *, limit_s: float = EVENT_LIMIT_S) -> None:
        """Wait until the events so far fulfil a condition."""
        with self._changed:
            done = self._changed.wait_for(lambda: matches(self.events), limit_s)
        assert done, f"{self.name} never said it; last words: {self.events[-3:]} {self.errors[-500:]}"

    def wait_for_event(self, word: str) -> None:
        self.wait_for(lambda events: any(event["event"] == word for event in events))

    def count(self, word: str) -> int:
        with self._changed:
            return sum(event["event"] == word for event in self.events)

    def received(self) -> list[str]:
        """Texts in the order they were shown."""
        with self._changed:
            return [event["text"] for event in self.events if event["event"] == "message_received"]

    def write(self, text: str) -> None:
        """Write to the process's standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def all_received(self, count: int) -> list[str]:
        """Texts in the order shown, once there are so many and the agent has ended: none can follow."""
        self.wait_for(lambda events: sum(event["event"] == "message_received" for event in events) >= count)
        self.stop()
        return self.received()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)
        self._let_go()

    def finish(self) -> int:
        """Wait for the process to end by itself; returns its exit code."""
        code = self.process.wait(COMMAND_LIMIT_S)
        self._let_go()
        return code

    def stop(self) -> int:
        """End the process in order; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self.close_input()
        for reader in self._readers:
            reader.join(STOP_LIMIT_S)

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                with self._changed:
                    self.events.append(json.loads(line))
                    self._changed.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            for line in self.process.stderr:
                self.errors += line


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def register(server: str, name: str, folder: Path) -> Account:
    """Make an account with the command line."""
    account = Account(name, folder / name)
    secret = folder / f"{name}.code"
    account.run(
        *("--server", server, "register", name, "--password-stdin", "--recovery-file", str(secret)),
        text=f"{PASSWORD}\n",
    )
    return account


def make_contacts(one: Account, other: Account) -> None:
    """Let one ask and the other accept."""
    one.run("request", other.name)
    other.run("accept", one.name)
    one.run("contacts")
