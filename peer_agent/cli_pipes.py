"""Standard input and output as lines of bytes, without the loop ever waiting for who is at the other end.

Threads of their own read and write, past Python's buffers: what a thread waits for can not be ended, and a
buffer that one holds would hold up the end of the process.
"""

import asyncio
import concurrent.futures
import contextlib
import json
import os
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from peer_agent.errors import UsageError

READ_BYTES = 65_536
QUEUED_LINES = 16
SETTLE_S = 1.0

Read = bytes | UsageError | None


async def read_raw_lines(descriptor: int, at_most: int) -> AsyncGenerator[bytes, None]:
    """Give out each line that is not empty until the input ends; of one that is too long, a byte too much.

    Raises:
        UsageError: it can not be read on.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[Read] = asyncio.Queue(QUEUED_LINES)

    def put(read: Read) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(read), loop).result()

    threading.Thread(target=_read, args=(descriptor, at_most, put), name="commands", daemon=True).start()
    while (read := await lines.get()) is not None:
        if isinstance(read, UsageError):
            raise read
        if read.strip():
            yield read


def _read(descriptor: int, at_most: int, put: Callable[[Read], None]) -> None:
    # When the loop ends before the input does, there is nobody left to tell.
    with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError):
        try:
            for line in _lines_of(descriptor, at_most):
                put(line)
        except OSError:
            put(UsageError("Standard input can not be read."))
        else:
            put(None)


def _lines_of(descriptor: int, at_most: int) -> Iterator[bytes]:
    line = bytearray()
    while raw := os.read(descriptor, READ_BYTES):
        *ended, rest = raw.split(b"\n")
        for piece in ended:
            line += piece[: at_most + 1 - len(line)]
            yield bytes(line)
            line.clear()
        line += rest[: at_most + 1 - len(line)]
    if line:
        yield bytes(line)


class LinesOut:
    """Lines to a reader: one is written at a time, and who has another waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._lines: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="answers", daemon=True).start()

    async def say(self, body: dict[str, Any]) -> None:
        """Write an object as a line; see `write`."""
        await self.write(json.dumps(body, separators=(",", ":")).encode())

    async def write(self, line: bytes) -> None:
        """Write a line; when this returns, the reader's pipe has all of it.

        Raises:
            BrokenPipeError: there is no reader any more.
        """
        async with self._turn:
            await self._write_out(line + b"\n")

    async def settle(self) -> None:
        """Wait a little for a line that is half written, so that the next one does not stand in it."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(SETTLE_S):
                await self._write_out(b"")

    async def _write_out(self, line: bytes) -> None:
        written = self._loop.create_future()
        self._lines.put((line, written))
        await written

    def _write(self) -> None:
        while True:
            line, written = self._lines.get()
            error: OSError | None = None
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError as failure:
                error = failure
            # The loop may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_end, written, error)


def _end(written: "asyncio.Future[None]", error: OSError | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
