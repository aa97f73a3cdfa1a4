"""Headless peers as processes of their own, told what to do and read by their `--json` events.

Spec: docs/spec/agent.md, sections "Commands" and "Events"
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STOP_LIMIT_S = 10.0
EVENT_LIMIT_S = 60.0
ERROR_LINES_KEPT = 20

Event = dict[str, Any]


class AgentFailed(Exception):
    """An agent ended, or stayed silent, where the story needs it; the message says which and what it said."""


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
    """One running `mesa-peer`; `heard` is called with every event, in order."""

    def __init__(self, home: Home, heard: Callable[[str, Event], None]) -> None:
        self.home = home
        self._heard = heard
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._errors: list[str] = []

    async def start(self, *words: str) -> None:
        """Start the process and begin to read it."""
        self._process: Process = await asyncio.create_subprocess_exec(
            *self.home.command(*words), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        self._readers = [asyncio.create_task(self._read_events()), asyncio.create_task(self._read_errors())]

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_for(self, **wanted: object) -> Event:
        """Wait for the next event that has these values.

        Raises:
            AgentFailed: the process ended first, or nothing came in time.
        """
        try:
            async with asyncio.timeout(EVENT_LIMIT_S):
                async for event in self._following():
                    if wanted.items() <= event.items():
                        return event
        except TimeoutError:
            raise AgentFailed(f"{self.home.name} did not say {wanted}") from None
        raise AgentFailed(self._last_words())

    async def finish(self) -> None:
        """Wait until the process ends by itself.

        Raises:
            AgentFailed: it took too long, or its exit code is not 0.
        """
        try:
            async with asyncio.timeout(EVENT_LIMIT_S):
                code = await self._process.wait()
        except TimeoutError:
            await self.stop()
            raise AgentFailed(f"{self.home.name} did not come to an end") from None
        await asyncio.gather(*self._readers)
        if code != 0:
            raise AgentFailed(self._last_words())

    async def stop(self) -> None:
        """End the process if it still runs, gently first."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await asyncio.gather(*self._readers)

    async def _following(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)

    async def _read_events(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (line := await stdout.readline()):
            event = json.loads(line)
            self._heard(self.home.name, event)
            self._events.put_nowait(event)
        self._events.put_nowait(None)

    async def _read_errors(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (line := await stderr.readline()):
            self._errors = [*self._errors, line.decode(errors="replace").rstrip()][-ERROR_LINES_KEPT:]

    def _last_words(self) -> str:
        code = self._process.returncode
        return f"{self.home.name} ended with {code}: {' '.join(self._errors) or 'it said nothing'}"


async def run_once(home: Home, *words: str) -> list[Event]:
    """Run one command to its end and give its events.

    Raises:
        AgentFailed: its exit code is not 0.
    """
    events: list[Event] = []
    agent = Agent(home, lambda _, event: events.append(event))
    await agent.start(*words)
    await agent.finish()
    return events
