"""Notices that the store was emptied or restarted: one question a second for all sockets of this process.

With it goes the sign that this process lives; one that was taken for dead is like an emptied store.
Spec: docs/spec/signaling.md, section "Server must"
"""

import asyncio
import logging
import secrets
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from django.utils import timezone

from mesa import store
from mesa.outages import STORE_DOWN
from p2p import web_processes

logger = logging.getLogger(__name__)

ASK_EVERY_S: Final = 1.0
TELL_DEADLINE_S: Final = 10.0


class Socket(Protocol):
    """Who wants to know."""

    async def epoch_changed(self, epoch: str) -> None:
        """Take notice of a new epoch."""


class EpochWatch:
    """Asks while there are sockets, and tells each of them once per change. `web`: names this process."""

    def __init__(self) -> None:
        self.web = secrets.token_urlsafe(16)
        self.epoch: str | None = None
        self._sockets: set[Socket] = set()
        self._asking: asyncio.Task[None] | None = None

    async def join(self, socket: Socket) -> str:
        """Begin to tell a socket of changes; returns the present epoch."""
        epoch = await store.aepoch()
        if self.epoch is None or not self._sockets:
            await web_processes.give_sign(self.web, now=timezone.now())
            self.epoch = epoch
        self._sockets.add(socket)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_note_end)
        return epoch

    async def leave(self, socket: Socket) -> None:
        """Tell a socket no more; with the last one the questions end."""
        self._sockets.discard(socket)
        if self._sockets or self._asking is None:
            return
        asking, self._asking = self._asking, None
        asking.cancel()
        await asyncio.wait({asking})

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                epoch = await store.aepoch()
                was_dead = await web_processes.give_sign(self.web, now=timezone.now())
            except STORE_DOWN as error:
                logger.warning("the store does not answer: %s", type(error).__name__)
                continue
            if was_dead or epoch != self.epoch:
                self.epoch = epoch
                await self._tell(epoch)

    async def _tell(self, epoch: str) -> None:
        """Tell all sockets; one that can not be told learns it with its next frame, which is refused."""
        tellings = (_in_time(socket, epoch) for socket in tuple(self._sockets))
        for outcome in await asyncio.gather(*tellings, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.error("a socket was not told of a new epoch: %s", type(outcome).__name__)


async def _in_time(socket: Socket, epoch: str) -> None:
    async with asyncio.timeout(TELL_DEADLINE_S):
        await socket.epoch_changed(epoch)


def _note_end(asking: asyncio.Task[None]) -> None:
    if not asking.cancelled() and (error := asking.exception()) is not None:
        logger.error("the store's epoch is not asked for any more: %s", type(error).__name__)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, EpochWatch] = WeakKeyDictionary()


def epoch_watch() -> EpochWatch:
    """Give the watch of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), EpochWatch())
