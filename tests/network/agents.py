"""Agent processes for tests without coroutines: the demo's agents, run by an event loop in a thread."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from mesa.demo import agents
from mesa.demo.agents import EVENT_LIMIT_S, Event, Home, run_once

__all__ = ["Account", "Agent", "Event", "make_contacts", "register"]

T = TypeVar("T")

PASSWORD = "correct horse battery"
# All that were ever started, in order: whoever fails leaves some that nobody stops.
started: list["Agent"] = []


class Account(Home):
    """A registered user's state directory, and the commands of its agent."""

    def run(self, *words: str, text: str = "") -> list[Event]:
        """Run a command to its end; returns what it printed.

        Raises:
            AgentFailed: it failed; its standard error tells why.
        """
        return do(run_once(self, *words, text=text))

    def start(self, *words: str) -> "Agent":
        """Start a command that goes on until it is stopped."""
        return Agent(self, self.command(*words))


class Agent:
    """A running agent and all it has said."""

    def __init__(self, account: Account, command: Sequence[str]) -> None:
        self.name = account.name
        self._agent = agents.Agent(account)
        do(self._agent.launch(command))
        started.append(self)

    @property
    def events(self) -> list[Event]:
        return self._agent.events

    @property
    def errors(self) -> str:
        return self._agent.errors

    @property
    def pid(self) -> int:
        return self._agent.pid

    @property
    def has_ended(self) -> bool:
        return self._agent.has_ended

    def wait_for(self, matches: Callable[[list[Event]], bool], *, limit_s: float = EVENT_LIMIT_S) -> None:
        """Wait until the events so far fulfil a condition."""
        do(self._agent.wait_until(matches, limit_s=limit_s))

    def wait_for_event(self, word: str) -> None:
        do(self._agent.wait_for(event=word))

    def count(self, word: str) -> int:
        return sum(event["event"] == word for event in self.events)

    def received(self) -> list[str]:
        """Texts in the order they were shown."""
        return [event["text"] for event in self.events if event["event"] == "message_received"]

    def all_received(self, count: int) -> list[str]:
        """Texts in the order shown, once there are so many and the agent has ended: none can follow."""
        self.wait_for(lambda events: sum(event["event"] == "message_received" for event in events) >= count)
        self.stop()
        return self.received()

    def write(self, text: str) -> None:
        """Write to the process's standard input."""
        do(self._agent.write(text))

    def close_input(self) -> None:
        do(self._close_input())

    def finish(self) -> int:
        """Wait for the process to end by itself; returns its exit code."""
        return do(self._agent.wait_for_end())

    def stop(self) -> int:
        """End the process in order; returns its exit code."""
        return do(self._agent.stop())

    def kill(self) -> None:
        """End the process as a power cut would."""
        do(self._agent.kill())

    async def _close_input(self) -> None:
        # In the loop's thread: the pipe is the loop's.
        self._agent.close_input()


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="agents", daemon=True).start()
    return loop


def do(work: Coroutine[Any, Any, T]) -> T:
    """Have the loop do something that ends by a limit of its own."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


def register(server: str, name: str, folder: Path) -> Account:
    """Make an account with the command line."""
    account = Account(name, folder, server)
    secret = folder / f"{name}.code"
    account.run("register", name, "--password-stdin", "--recovery-file", str(secret), text=f"{PASSWORD}\n")
    return account


def make_contacts(one: Account, other: Account) -> None:
    """Let one ask and the other accept."""
    one.run("request", other.name)
    other.run("accept", one.name)
    one.run("contacts")
