"""Lines of standard input as they come, without keeping the process alive for the next one."""

import asyncio
import concurrent.futures
import contextlib
import io
import threading
from collections.abc import AsyncIterator, Callable
from typing import TextIO

from peer_agent.errors import UsageError

QUEUED_LINES = 64
NO_TEXT = "Standard input is not UTF-8 text."
UNREADABLE = "Standard input can not be read."

# A line, why no more can come, or the end.
Read = str | UsageError | None


def require_text(argument: str) -> str:
    """An argument of the command line that has to be text.

    Raises:
        UsageError: its bytes are not.
    """
    try:
        argument.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("An argument is not UTF-8 text.") from None
    return argument


def read_all(source: TextIO) -> str:
    """Read a text to its end; the line break that ends it is no part of it.

    Raises:
        UsageError: it can not be read, or is no text.
    """
    try:
        text = _strict(source).read()
    except UnicodeDecodeError:
        raise UsageError(NO_TEXT) from None
    except OSError:
        raise UsageError(UNREADABLE) from None
    return text.removesuffix("\n").removesuffix("\r")


async def read_lines(source: TextIO) -> AsyncIterator[str]:
    """Give out each line that is not empty, until the input ends.

    Raises:
        UsageError: it can not be read on, or is no text.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Read] = asyncio.Queue(QUEUED_LINES)

    def put(read: Read) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(read), loop).result()

    # Not a thread of the loop's pool: those are waited for at the end, and a read can not be ended.
    threading.Thread(target=_read, args=(source, put), name="standard input", daemon=True).start()
    while (read := await queue.get()) is not None:
        if isinstance(read, UsageError):
            raise read
        if read:
            yield read


def _read(source: TextIO, put: Callable[[Read], None]) -> None:
    # When the loop ends before the input does, there is nobody left to tell.
    with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError):
        try:
            for line in _strict(source):
                put(line.rstrip("\r\n"))
        except UnicodeDecodeError:
            put(UsageError(NO_TEXT))
        except OSError:
            put(UsageError(UNREADABLE))
        else:
            put(None)


def _strict(source: TextIO) -> TextIO:
    """The same input, as UTF-8 whatever the locale says: Python passes foreign bytes on, in the C locale."""
    if isinstance(source, io.TextIOWrapper):
        source.reconfigure(encoding="utf-8", errors="strict")
    return source
