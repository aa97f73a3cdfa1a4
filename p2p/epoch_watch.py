"""Notices that the store was emptied or restarted: one question a second for all sockets of this process.

Spec: docs/spec/signaling.md, section "Server must"
"""

import asyncio
import logging
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from mesa import store
from mesa.outages import STORE_DOWN

logger = logging.getLogger(__name__)

ASK_EVERY_S: Final = 1.0


class Socket(Protocol):
    """Who wants to know."""

    async def epoch_changed(self, epoch: str) -> None:
        """Take notice of a new epoch."""


class EpochWatch:
    """Asks while there are sockets, and tells each of them once per change."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self._sockets: set[Socket] = set()
        self._asking: asyncio.Task[None] | None = None

    async def join(self, socket: Socket) -> str:
        """Begin to tell a socket of changes; returns the present epoch."""
        epoch = await store.aepoch()
        if self.epoch is None or not self._sockets:
            self.epoch = epoch
        self._sockets.add(socket)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return epoch

    def leave(self, socket: Socket) -> None:
        """Tell a socket no more; with the last one the questions end."""
        self._sockets.discard(socket)
        if not self._sockets and self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                epoch = await store.aepoch()
            except STORE_DOWN as error:
                logger.warning("the store does not answer: %s", type(error).__name__)
                continue
            if epoch != self.epoch:
                self.epoch = epoch
                await asyncio.gather(*(socket.epoch_changed(epoch) for socket in tuple(self._sockets)))


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, EpochWatch] = WeakKeyDictionary()


def epoch_watch() -> EpochWatch:
    """Give the watch of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), EpochWatch())
