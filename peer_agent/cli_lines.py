"""Lines of standard input as they come, without keeping the process alive for the next one."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import TextIO

QUEUED_LINES = 64


async def read_lines(source: TextIO) -> AsyncIterator[str]:
    """Give out each line that is not empty, until the input ends."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUED_LINES)

    def read() -> None:
        # When the loop ends before the input does, there is nobody left to tell.
        with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError):
            for line in source:
                put(line.rstrip("\r\n"))
            put(None)

    def put(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    # Not a thread of the loop's pool: those are waited for at the end, and a read can not be ended.
    threading.Thread(target=read, name="standard input", daemon=True).start()
    while (line := await queue.get()) is not None:
        if line:
            yield line
