"""Gives orders to processes of a benchmark and hears what they say: JSON lines on a unix socket."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ANSWER_DEADLINE_S = 60.0
STOP_DEADLINE_S = 10.0
LINE_BYTES = 16 * 1_024 * 1_024

Said = dict[str, Any]


class ProcessEnded(Exception):
    """A process ended while its hub still needed it; the message is its name."""


class Hub:
    """One end of all the sockets. A line names its process as `name`; an answer names its order as `done`."""

    def __init__(self) -> None:
        self._writers: dict[str, asyncio.StreamWriter] = {}
        self._said: asyncio.Queue[Said] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            said = json.loads(line)
            self._writers[said["name"]] = writer
            self._said.put_nowait(said)
        name = next(name for name, known in self._writers.items() if known is writer)
        self._said.put_nowait({"name": name, "ended": True})

    def order(self, name: str, do: str, **more: object) -> None:
        """Give an order without waiting for what comes of it."""
        self._writers[name].write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def hear(self) -> Said:
        """Take the next line that any process said.

        Raises:
            ProcessEnded: and nothing more can come of the run.
        """
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            said = await self._said.get()
        if "ended" in said:
            raise ProcessEnded(said["name"])
        return said

    async def wait(self, key: str, times: int = 1) -> dict[str, Said]:
        """Collect what processes say under `key`, by name; anything else is passed over."""
        found: dict[str, Said] = {}
        while len(found) < times:
            said = await self.hear()
            if key in said:
                found[said["name"]] = said
        return found

    async def ask(self, names: Iterable[str], do: str, **more: object) -> dict[str, Any]:
        """Give several processes the same order; returns their answers by name."""
        asked = list(names)
        for name in asked:
            self.order(name, do, **more)
        answers: dict[str, Any] = {}
        while len(answers) < len(asked):
            said = await self.hear()
            if said.get("done") == do:
                answers[said["name"]] = said["answer"]
        return answers


@asynccontextmanager
async def running(programs: dict[str, list[str]]) -> AsyncIterator[Hub]:
    """Run Python modules, each with its name and the hub's socket in front of its own arguments."""
    hub = Hub()
    with tempfile.TemporaryDirectory(prefix="mesa-hub-") as folder:
        path = str(Path(folder, "hub.sock"))
        server = await asyncio.start_unix_server(hub.serve, path, limit=LINE_BYTES)
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, "-m", module, name, path, *arguments)
            for name, (module, *arguments) in programs.items()
        ]
        try:
            await hub.wait("hello", len(programs))
            yield hub
        finally:
            # A process whose hub hangs up comes to its end.
            server.close()
            for writer in hub._writers.values():
                writer.close()
            await asyncio.gather(*(_ended(process) for process in processes))


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_DEADLINE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def connect(name: str, path: str) -> tuple[asyncio.StreamReader, "Mouth"]:
    """Join a hub from a process; the caller says `hello` when it is ready for orders."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES)
    return reader, Mouth(name, writer)


class Mouth:
    """A process's way to say something to its hub."""

    def __init__(self, name: str, writer: asyncio.StreamWriter) -> None:
        self._name = name
        self._writer = writer

    def say(self, **content: object) -> None:
        self._writer.write(json.dumps({"name": self._name, **content}).encode() + b"\n")
