"""A small town whose parts die at will: one server, its database and store, ada, bo and three forwarders.

Three forwarders are all on every path, so whichever dies is missed.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from p2p import store_keys
from p2p.records import TxKey
from tests.network import crash_points
from tests.network.agents import Account, Agent, Event, make_contacts, register
from tests.network.crash_server import CrashServer, running_server

ADA, BO = "ada", "bo"
FORWARDERS = ("f1", "f2", "f3")
ROWS = "SELECT id, state, attempts FROM p2p_p2ptransaction"
DELIVERY_LIMIT_S = 150.0


@dataclass(frozen=True)
class Transaction:
    """What became of one, as the database says; `lost` if it is open there and unknown to the store."""

    state: str
    attempts: int


@dataclass
class Scene:
    """Everything that runs, and how each part of it dies and comes back."""

    points: Path
    server: CrashServer
    accounts: dict[str, Account]
    agents: dict[str, Agent] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)
    # Whom the death of the web process is kept from.
    held: list[Agent] = field(default_factory=list)
    has_web_died: bool = False

    def begin(self) -> None:
        """Have the server up, forwarders and bo online, and nobody else."""
        self.server.start()
        self.told.clear()
        self.stop_agent(ADA)
        if self.has_web_died:
            # Those whose socket was lost again and again wait longer each time before they open another.
            for name in (BO, *FORWARDERS):
                self.stop_agent(name)
            self.has_web_died = False
        for name in (BO, *FORWARDERS):
            self.start(name)
        for name in (BO, *FORWARDERS):
            self.agents[name].wait_for_event("online")

    def send(self, text: str) -> None:
        patience = ("--timeout", str(DELIVERY_LIMIT_S))
        self.agents[ADA] = self.accounts[ADA].start("send", BO, text, *patience)

    def renew(self, name: str) -> None:
        """Have an agent begin anew, without links."""
        self.stop_agent(name)
        self.start(name)
        self.agents[name].wait_for_event("online")

    @contextmanager
    def silent(self, name: str) -> Iterator[None]:
        """Have an agent say nothing, and then die and come back."""
        os.kill(self.agents[name].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.agents[name].kill()
            self.start(name)

    def kill(self, part: str) -> None:
        """Kill a part of the network, or empty its store."""
        if part == "flush":
            with self.server.store() as store:
                store.flushall()
        elif part == "web":
            self.kill_web()
        elif part in self.server.parts:
            self.server.parts[part].kill()
        else:
            self.agents[part].kill()
            self.told += self.agents[part].events

    def kill_web(self) -> None:
        """Kill the web process; only ada notices before it is back.

        All others are on every path, and how long each waits before it tries again is a matter of chance: of
        that would depend how often a path fails.
        """
        self.held = [self.agents[name] for name in (BO, *FORWARDERS)]
        for agent in self.held:
            os.kill(agent.pid, signal.SIGSTOP)
        self.server.parts["web"].kill()
        self.has_web_died = True

    def start(self, part: str) -> None:
        """Start a part that does not run. ada only listens then, so she sends what she has."""
        if part in self.server.parts:
            self.server.parts[part].start()
            for agent in self.held:
                if not agent.has_ended:
                    os.kill(agent.pid, signal.SIGCONT)
            self.held.clear()
        elif part in self.accounts and (part not in self.agents or self.agents[part].has_ended):
            words = ("forward",) if part in FORWARDERS else ("listen", "--no-forward")
            self.agents[part] = self.accounts[part].start(*words)

    def stop(self) -> None:
        for name in list(self.agents):
            self.stop_agent(name)

    def stop_agent(self, name: str) -> None:
        if name in self.agents:
            self.agents.pop(name).stop()

    def wait_for_delivery(self) -> None:
        """Wait until ada has a receipt for what she sent, if she had none when she was killed."""
        if not is_delivered(self.told):
            self.agents[ADA].wait_for(is_delivered, limit_s=DELIVERY_LIMIT_S)

    def texts(self) -> list[str]:
        """All texts of ada's that bo has, as often as he has them."""
        events = self.accounts[BO].run("history", ADA)
        return [event["text"] for event in events if event["event"] == "message"]

    def transactions(self) -> dict[str, Transaction]:
        """What became of every transaction, by its id."""
        with self.server.store() as store:
            found: dict[str, Transaction] = {}
            for ident, state, attempts in self.server.rows(ROWS):
                tx = TxKey(str(uuid.UUID(str(ident))))
                is_lost = state == "open" and not store.exists(store_keys.tx(tx))
                found[tx] = Transaction("lost" if is_lost else str(state), int(str(attempts)))
            return found


def is_delivered(events: list[Event]) -> bool:
    return any(event.get("state") == "delivered" for event in events)


@contextmanager
def build_scene(folder: Path, *, postgresql: bool) -> Iterator[Scene]:
    """Start a server, register everybody, and make ada and bo contacts."""
    with ExitStack() as stack:
        # Short, since sockets are made in it.
        points = Path(stack.enter_context(TemporaryDirectory(prefix="mesa-")))
        environment = crash_points.environment(points)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            # Agents inherit what this process has.
            patch.setenv(name, value)
        server = stack.enter_context(running_server(environment, postgresql=postgresql))
        with ThreadPoolExecutor(2) as pool:
            names = (ADA, BO, *FORWARDERS)
            made = pool.map(lambda name: register(server.url, name, folder), names)
            accounts = dict(zip(names, made, strict=True))
        make_contacts(accounts[ADA], accounts[BO])
        scene = Scene(points, server, accounts)
        stack.callback(scene.stop)
        yield scene
