"""The event loop of a command: on uvloop where there is one, ended in order by SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from peer_agent.errors import ExitCode

Result = TypeVar("Result")


class Terminated(Exception):
    """SIGTERM came, and what ran has ended in order."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; returns what it gives. Prompts come before or after: a loop that waits hears no Ctrl-C.

    Raises:
        Terminated: by SIGTERM.
        KeyboardInterrupt: by Ctrl-C.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        loop = runner.get_loop()
        return runner.run(_until_terminated(work, loop))


async def _until_terminated(work: Coroutine[Any, Any, Result], loop: asyncio.AbstractEventLoop) -> Result:
    task = loop.create_task(work)
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        outer = asyncio.current_task()
        if outer is not None and outer.cancelling():
            # Interrupted from the keyboard, not terminated.
            raise
        raise Terminated from None


def run_program(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a program to its end, on uvloop where there is one: Ctrl-C and SIGTERM end it in order.

    Raises:
        SystemExit: after one of them, with 130 and 0.
    """
    try:
        return run(work)
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None
    except Terminated:
        raise SystemExit(ExitCode.OK) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    # Two to three times the cells a second of asyncio's own loop; there is none for Windows.
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
