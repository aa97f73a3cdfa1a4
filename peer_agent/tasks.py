"""Ownership of background work: every task belongs to one group, and ends with it.

Waits with a limit are written with `asyncio.timeout`: on Python 3.11 `asyncio.wait_for` forgets a
cancellation that comes together with the result, and a task that forgets one never ends.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """A task group that can be stopped from inside: what was spawned last is never left behind."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    async def __aenter__(self) -> "Tasks":
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self.stop()
        try:
            await self._group.__aexit__(*error)
        except BaseExceptionGroup as group:
            # One failure is raised as what it is; a group is for several.
            raise _only(group) from None

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work in the background; when it fails, the whole group fails with it."""
        try:
            task = None if self._closing else self._group.create_task(work)
        except RuntimeError:
            # One of the others has failed, and the group ends.
            task = None
        if task is None:
            work.close()
            return
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def stop(self) -> None:
        """Cancel what runs and start nothing more."""
        self._closing = True
        for task in tuple(self._running):
            task.cancel()


def _only(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
