"""Headless peers as processes of their own, told what to do and read by their `--json` events.

The demo and the tests run all their agents through these; nothing here needs Django.
Spec: docs/spec/agent.md, sections "Commands" and "Events"
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesa.process_tree import tied_to_this_process

CHECKOUT = Path(__file__).resolve().parents[2]
STOP_LIMIT_S = 20.0
EVENT_LIMIT_S = 60.0
# The longest text a message may have, and what JSON adds to it.
LINE_BYTES = 1_048_576
EVENTS_KEPT = 100_000
ERROR_LINES_KEPT = 10_000
LAST_LINES = 20

Event = dict[str, Any]
Heard = Callable[[str, Event], None]


class AgentFailed(Exception):
    """An agent ended, or stayed silent, where somebody needs it; the message says which and what it said."""


@dataclass(frozen=True)
class Home:
    """Where one agent keeps its state, and which server it belongs to."""

    name: str
    folder: Path
    server: str

    @property
    def state(self) -> Path:
        return self.folder / self.name

    @property
    def password_file(self) -> Path:
        return self.folder / f"{self.name}.password"

    def command(self, *words: str) -> list[str]:
        """The command line of one `mesa-peer` call for this agent."""
        options = ["--state", str(self.state), "--server", self.server, "--json"]
        return [sys.executable, "-m", "peer_agent", *options, *words]


class Agent:
    """One running agent and what it has said; `heard` is called with every event, in order."""

    def __init__(self, home: Home, heard: Heard = lambda name, event: None) -> None:
        self.home = home
        self._heard = heard
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._errors: deque[str] = deque(maxlen=ERROR_LINES_KEPT)
        self._changed = asyncio.Condition()
        self._has_said_all = False

    async def start(self, *words: str) -> None:
        """Start `mesa-peer` with these words and begin to read it."""
        await self.launch(self.home.command(*words))

    async def launch(self, command: Sequence[str]) -> None:
        """Start a program that speaks as `mesa-peer --json` does."""
        self._process: Process = await asyncio.create_subprocess_exec(
            *command,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LINE_BYTES,
            # Ctrl-C reaches the parent only, which then stops its agents in order; its death ends them, too.
            start_new_session=True,
            preexec_fn=tied_to_this_process(),
        )
        self._readers = [asyncio.create_task(self._read_events()), asyncio.create_task(self._read_errors())]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    @property
    def events(self) -> list[Event]:
        """What it has said so far."""
        return list(self._events)

    @property
    def errors(self) -> str:
        """What it has written to its standard error."""
        return "\n".join(self._errors)

    async def wait_for(self, **wanted: object) -> Event:
        """Wait for an event that has these values, unless it has come already.

        Raises:
            AgentFailed: the process ended first, or nothing came in time.
        """
        await self.wait_until(lambda events: any(wanted.items() <= event.items() for event in events))
        return next(event for event in self._events if wanted.items() <= event.items())

    async def wait_until(
        self, is_so: Callable[[list[Event]], bool], *, limit_s: float = EVENT_LIMIT_S
    ) -> None:
        """Wait until all events so far fulfil a condition.

        Raises:
            AgentFailed: the process ended first, or it took too long.
        """
        try:
            async with asyncio.timeout(limit_s), self._changed:
                await self._changed.wait_for(lambda: is_so(self.events) or self._has_said_all)
        except TimeoutError:
            raise AgentFailed(f"{self.home.name} did not say it: {self._last_words()}") from None
        if not is_so(self.events):
            await self.wait_for_end()
            raise AgentFailed(f"{self.home.name} ended with {self._process.returncode}: {self._last_words()}")

    async def write(self, text: str) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        self._process.stdin.write(text.encode())
        await self._process.stdin.drain()

    def close_input(self) -> None:
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        self._process.stdin.close()

    async def finish(self, *, limit_s: float = EVENT_LIMIT_S) -> None:
        """Wait until the process ends by itself.

        Raises:
            AgentFailed: it took too long, or its exit code is not 0.
        """
        code = await self.wait_for_end(limit_s=limit_s)
        if code != 0:
            raise AgentFailed(f"{self.home.name} ended with {code}: {self._last_words()}")

    async def wait_for_end(self, *, limit_s: float = EVENT_LIMIT_S) -> int:
        """Wait until the process ends by itself; returns its exit code.

        Raises:
            AgentFailed: it took too long, and was stopped.
        """
        try:
            async with asyncio.timeout(limit_s):
                code = await self._process.wait()
        except TimeoutError:
            await self.stop()
            raise AgentFailed(f"{self.home.name} did not come to an end") from None
        await asyncio.gather(*self._readers)
        return code

    async def stop(self) -> int:
        """End the process if it still runs, gently first; returns its exit code."""
        if not self.has_ended:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        return await self._gone()

    async def kill(self) -> None:
        """End the process as a power cut would."""
        self._process.kill()
        await self._gone()

    async def _gone(self) -> int:
        code = await self._process.wait()
        await asyncio.gather(*self._readers)
        return code

    async def _read_events(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (line := await stdout.readline()):
            event = json.loads(line)
            self._heard(self.home.name, event)
            async with self._changed:
                self._events.append(event)
                self._changed.notify_all()
        async with self._changed:
            self._has_said_all = True
            self._changed.notify_all()

    async def _read_errors(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (line := await stderr.readline()):
            self._errors.append(line.decode(errors="replace").rstrip())

    def _last_words(self) -> str:
        said = [*map(json.dumps, self.events[-3:]), *self.errors.splitlines()[-LAST_LINES:]]
        return " ".join(said) or "it said nothing"


async def run_once(home: Home, *words: str, text: str = "", limit_s: float = EVENT_LIMIT_S) -> list[Event]:
    """Run one command to its end, with a text on its standard input, and give its events.

    Raises:
        AgentFailed: it took too long, or its exit code is not 0.
    """
    agent = Agent(home)
    await agent.start(*words)
    try:
        await agent.write(text)
        agent.close_input()
        await agent.finish(limit_s=limit_s)
    finally:
        await agent.stop()
    return agent.events
