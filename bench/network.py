"""The measured network: a server's process tree, ada, bo and six forwarders, each a process of its own."""

import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.hub import Hub, running
from peer_agent import sign_up
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.desk import new_store, opened_desk
from tests.live_tree import LiveTree

SENDER, RECEIVER = "ada", "bo"
FORWARDERS = ("f1", "f2", "f3", "f4", "f5", "f6")
EVERYBODY = (SENDER, RECEIVER, *FORWARDERS)

Sent = dict[str, Any]
Told = dict[str, list[dict[str, Any]]]


class Network:
    """Eight running peers; ada and bo are contacts."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def become_contacts(self) -> None:
        await self._hub.ask([SENDER], "request", user=RECEIVER)

    async def send(self, how: str, count: int) -> list[Sent]:
        """Have ada send messages; returns when bo's receipt for each is checked."""
        answer = await self._hub.ask([SENDER], how, to=RECEIVER, count=count)
        sent: list[Sent] = answer[SENDER]
        return sent

    async def send_without_a_pause(self, count: int) -> list[Sent]:
        """Have ada send each message as soon as bo has the one before, without waiting for its receipt."""
        received = (await self._hub.ask([RECEIVER], "received", least=0))[RECEIVER]
        sent = []
        for number in range(received + 1, received + count + 1):
            sent.append((await self._hub.ask([SENDER], "send now", to=RECEIVER))[SENDER])
            await self._hub.ask([RECEIVER], "received", least=number)
        return sent

    async def processor_s(self) -> dict[str, float]:
        """Processor seconds that each peer's process has used so far."""
        return await self._hub.ask(EVERYBODY, "processor")

    async def finish(self) -> None:
        """Let the open path go."""
        await self._hub.ask([SENDER], "finish")

    async def close_links(self) -> None:
        """Close every link between any two peers."""
        await self._hub.ask(EVERYBODY, "close links")

    async def tell(self) -> Told:
        """Take all events since the last call, by peer."""
        return await self._hub.ask(EVERYBODY, "tell")


@asynccontextmanager
async def network() -> AsyncIterator[Network]:
    """Run server and peers on the embedded default, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="mesa-bench-") as name:
        folder = Path(name)
        async with server(folder / "server") as url:
            for peer in EVERYBODY:
                await enrol(url, peer, Config(folder / peer))
            async with running({peer: _program(folder, peer) for peer in EVERYBODY}) as hub:
                eight = Network(hub)
                await eight.become_contacts()
                yield eight


async def enrol(url: str, peer: str, config: Config) -> None:
    """Make an account, and put its prekeys where others find them."""
    with new_store(config) as store:
        await sign_up.register(store, url, peer, secrets.token_urlsafe(18), Clock())
    # ada's request needs bo's prekeys, whichever of the two processes is ready first.
    async with opened_desk(config) as desk:
        await desk.conversations.prekeys.check()


def _program(folder: Path, peer: str) -> list[str]:
    kind = "forwarder" if peer in FORWARDERS else "end"
    return ["bench.peer_process", str(folder / peer), kind, repr(_CLOCK_OFFSET_S)]


@asynccontextmanager
async def server(state_dir: Path) -> AsyncIterator[str]:
    """Run `mesa_up`; gives its address."""
    # Ctrl-C reaches this process only, which then stops the peers first.
    tree = LiveTree(state_dir, apart=True)
    tree.start()
    try:
        yield tree.url
    finally:
        tree.stop()


_CLOCK_OFFSET_S = time.time() - time.monotonic()
