"""A server of the demo's own: started as `make serve` does it, stopped in order, and looked into."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mesa.dumps import Dump
from mesa.process_tree import tied_to_this_process

USUAL_PORT = 8000
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0


class ServerFailed(Exception):
    """The server does not start, or does not show what it holds; the message says why."""


@dataclass(frozen=True)
class Server:
    """Where a server keeps its state, and the port it listens on."""

    state: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it for as long as the block lasts: when that is left, all of it has ended.

        Raises:
            ServerFailed: it does not become ready.
        """
        process = await self._manage("mesa_up", "--port", str(self.port))
        try:
            await _until_ready(process)
            yield
        finally:
            await _stop(process)

    async def dump(self) -> Dump:
        """Take all that database and store hold.

        Raises:
            ServerFailed: they do not answer.
        """
        process = await self._manage("mesa_dump")
        try:
            said, _ = await process.communicate()
        finally:
            await _stop(process)
        if process.returncode != 0:
            raise ServerFailed("the dump of database and store failed")
        dump: Dump = json.loads(said)
        return dump

    async def _manage(self, *words: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "manage.py", *words),
            cwd=settings.BASE_DIR,
            env=self._environment,
            stdout=PIPE,
            start_new_session=True,
            preexec_fn=tied_to_this_process(),
        )

    @property
    def _environment(self) -> dict[str, str]:
        """Nothing but where the state is: no setting differs from production."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
        return inherited | {"MESA_STATE_DIR": str(self.state), "PYTHONUNBUFFERED": "1"}


async def _until_ready(process: Process) -> None:
    said: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_LIMIT_S):
            while process.stdout is not None and (line := await process.stdout.readline()):
                said.append(line.decode().rstrip())
                if said[-1].startswith("ready"):
                    return
    raise ServerFailed(f"the server did not start: {' / '.join(said[-3:])}")


async def _stop(process: Process) -> None:
    """End a process if it still runs, gently first."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


def free_port() -> int:
    """Take the usual port, or any when somebody has it.

    Raises:
        ServerFailed: there is none.
    """
    for port in (USUAL_PORT, 0):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ServerFailed("no port is free")
