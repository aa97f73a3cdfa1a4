"""The measured network: a server's process tree, ada, bo and six forwarders, each a process of its own."""

import asyncio
import os
import re
import secrets
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.hub import Hub, running
from peer_agent import sign_up
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.desk import new_store, opened_desk

ROOT = Path(__file__).resolve().parent.parent
READY_DEADLINE_S = 60.0
STOP_DEADLINE_S = 30.0
READY = re.compile(r"ready\s.*(http://\S+:\d+)/")
SENDER, RECEIVER = "ada", "bo"
FORWARDERS = ("f1", "f2", "f3", "f4", "f5", "f6")
EVERYBODY = (SENDER, RECEIVER, *FORWARDERS)

Sent = dict[str, Any]
Told = dict[str, list[dict[str, Any]]]


class ServerFailed(Exception):
    """The server did not start; the message is what it said last."""


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
                await _sign_up(url, peer, Config(folder / peer))
            async with running({peer: _program(folder, peer) for peer in EVERYBODY}) as hub:
                eight = Network(hub)
                await eight.become_contacts()
                yield eight


async def _sign_up(url: str, peer: str, config: Config) -> None:
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
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "mesa_up", "--port", "0"),
        cwd=ROOT,
        env=kept | {"MESA_STATE_DIR": str(state_dir), "PYTHONUNBUFFERED": "1"},
        stdout=PIPE,
        # Ctrl-C reaches this process only, which then stops the peers first.
        start_new_session=True,
    )
    try:
        yield await _until_ready(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_DEADLINE_S):
            await process.communicate()


async def _until_ready(process: Process) -> str:
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(READY_DEADLINE_S):
        while line := await process.stdout.readline():
            said = line.decode().strip()
            if found := READY.search(said):
                return found[1]
    raise ServerFailed(said)


_CLOCK_OFFSET_S = time.time() - time.monotonic()
