"""Many messages while forwarders are killed: when each is written and shown, and over which paths it goes.

Forwarders die as in a power cut, one every KILL_EVERY_S, and come back BACK_AFTER_S later.
The benchmark measures it, tests/network/test_kills.py looks whether all arrives.
"""

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from bench.network import RECEIVER, SENDER, enrol, server
from mesa.demo.agents import Agent, Event, Heard, Home, run_once
from p2p.protocol import limits
from peer_agent.config import Config

KILL_EVERY_S: Final = 3.0
BACK_AFTER_S: Final = 5.0
# Slow enough for the messages to outlast a dozen of kills, fast enough that some are on their way at each.
PER_SECOND: Final = 8.0
DELIVERY_LIMIT_S: Final = 120.0
FORWARDERS: Final = tuple(f"f{number}" for number in range(1, 9))


@dataclass(frozen=True)
class Cast:
    """Who takes part: all registered, sender and receiver contacts, and nobody online."""

    sender: Home
    receiver: Home
    forwarders: Sequence[Home]


@dataclass
class Outcome:
    """What became of the messages, by their texts; times in Unix seconds.

    carried: the number of a message with the hops of a path, for each path that it was sent over.
    """

    written: dict[str, float] = field(default_factory=dict)
    shown: list[tuple[str, float]] = field(default_factory=list)
    carried: set[tuple[int, tuple[str, ...]]] = field(default_factory=set)
    kills: int = 0

    @property
    def latencies_s(self) -> list[float]:
        """How long each message took from the sender's input to the receiver's output."""
        return [at - self.written[text] for text, at in self.shown]

    @property
    def attempts(self) -> float:
        """How many paths a message was sent over, on average."""
        return len(self.carried) / len(self.written)


class Ordeal:
    """One run."""

    def __init__(self, cast: Cast, rng: Random, advance: Callable[[], None] = lambda: None) -> None:
        """Prepare a run; `advance` is called with each message that is shown."""
        self.outcome = Outcome()
        self._cast = cast
        self._rng = rng
        self._advance = advance
        self._online: dict[str, Agent] = {}

    async def run(self, messages: int) -> Outcome:
        """Send messages while forwarders die; ends when all are delivered and shown.

        Raises:
            AgentFailed: a peer ended by itself, or messages were not delivered.
        """
        receiver, sender = self._cast.receiver, self._cast.sender
        async with (
            self._forwarders(),
            _running(receiver, self._note_shown, "listen", "--no-forward") as listening,
            _running(sender, self._note_sent, "send", receiver.name, "--lines", *_PATIENCE) as sending,
            asyncio.TaskGroup() as group,
        ):
            killing = group.create_task(self._kill())
            await self._write(sending, messages)
            await sending.finish(limit_s=DELIVERY_LIMIT_S)
            await listening.wait_until(lambda _: len(self.outcome.shown) >= messages)
            killing.cancel()
        return self.outcome

    async def _write(self, sending: Agent, messages: int) -> None:
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        for number in range(messages):
            await asyncio.sleep(begun_at + number / PER_SECOND - loop.time())
            text = f"message {number}"
            self.outcome.written[text] = time.time()
            await sending.write(f"{text}\n")
        sending.close_input()

    async def _kill(self) -> None:
        """Kill one of those that are online, again and again, and have each come back; until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(KILL_EVERY_S)
                if len(self._online) <= limits.FORWARDERS:
                    # The server is away, or the machine is slow to bring them back: a path has to be left.
                    continue
                name = self._rng.choice(sorted(self._online))
                await self._online.pop(name).kill()
                self.outcome.kills += 1
                group.create_task(self._bring_back(name))

    async def _bring_back(self, name: str) -> None:
        await asyncio.sleep(BACK_AFTER_S)
        await self._forward(next(home for home in self._cast.forwarders if home.name == name))

    async def _forward(self, home: Home) -> None:
        agent = Agent(home)
        await agent.start("forward")
        try:
            await agent.wait_for(event="online")
        except BaseException:
            await agent.stop()
            raise
        self._online[home.name] = agent

    @asynccontextmanager
    async def _forwarders(self) -> AsyncIterator[None]:
        try:
            await asyncio.gather(*map(self._forward, self._cast.forwarders))
            yield
        finally:
            await asyncio.gather(*(agent.stop() for agent in self._online.values()))

    def _note_shown(self, _: str, event: Event) -> None:
        if event["event"] == "message_received":
            self.outcome.shown.append((event["text"], event["time"]))
            self._advance()

    def _note_sent(self, _: str, event: Event) -> None:
        if event["event"] == "message_progress" and event["state"] == "sent":
            self.outcome.carried.add((event["number"], tuple(event["hops"])))


_PATIENCE: Final = ("--timeout", str(DELIVERY_LIMIT_S))


@asynccontextmanager
async def _running(home: Home, heard: Heard, *words: str) -> AsyncIterator[Agent]:
    agent = Agent(home, heard)
    await agent.start(*words)
    try:
        await agent.wait_for(event="online")
        yield agent
    finally:
        await agent.stop()


async def measure(messages: int, advance: Callable[[], None]) -> Outcome:
    """Run an ordeal on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="mesa-kills-") as name:
        folder = Path(name)
        async with server(folder / "server") as url:
            homes = {each: Home(each, folder, url) for each in (SENDER, RECEIVER, *FORWARDERS)}
            for each, home in homes.items():
                await enrol(url, each, Config(home.state))
            sender, receiver = homes.pop(SENDER), homes.pop(RECEIVER)
            await run_once(sender, "request", RECEIVER)
            await run_once(receiver, "accept", SENDER)
            await run_once(sender, "contacts")
            cast = Cast(sender, receiver, list(homes.values()))
            return await Ordeal(cast, Random(secrets.randbits(64)), advance).run(messages)
