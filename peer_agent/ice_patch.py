"""Three guarded repairs of aioice. Where its inside is not the expected one, nothing is changed.

1. `Connection.connect` pauses a fixed 20 ms after every check, also when a pair was nominated long before.
   On a LAN that is four fifths of a link's set-up time. The pause now ends when the check list is done, and
   nothing spins meanwhile.
2. `get_host_addresses` leaves loopback out, so that two agents on a machine without a network find no
   candidate at all. Loopback is used when there is nothing else.
3. `Connection.get_component_candidates` waits 5 s for a STUN or TURN server that does not answer, longer than
   a link may take: with one that is down nobody could make any link. It gives up after GATHER_S.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partialmethod
from types import ModuleType
from typing import Any

import aioice.ice

logger = logging.getLogger(__name__)

PAUSE_S = 0.02
LOOPBACK = "127.0.0.1"
# Below the set-up deadline of a link, above what TURN takes over TLS on a slow line.
GATHER_S = 2.0

_check_list_done: ContextVar[asyncio.Event | None] = ContextVar("check_list_done", default=None)


class _AnnouncingQueue(asyncio.Queue[int]):
    """A queue that sets an event with its first item."""

    def __init__(self, announce: asyncio.Event) -> None:
        super().__init__()
        self._announce = announce

    def put_nowait(self, item: int) -> None:
        super().put_nowait(item)
        self._announce.set()


class _PacedAsyncio(ModuleType):
    """The module asyncio, but for one pause."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(delay: float) -> None:
        done = _check_list_done.get()
        if done is None or delay != PAUSE_S:
            await asyncio.sleep(delay)
            return
        try:
            async with asyncio.timeout(delay):
                await done.wait()
        except TimeoutError:
            return


def is_expected() -> bool:
    """Tell whether aioice has the inside that the repairs rely on."""
    connect = getattr(aioice.ice.Connection, "connect", None)
    gather = getattr(aioice.ice.Connection, "get_component_candidates", None)
    if connect is None or gather is None or not hasattr(aioice.ice, "get_host_addresses"):
        return False
    if "timeout" not in inspect.signature(gather).parameters:
        return False
    source = inspect.getsource(connect)
    return f"asyncio.sleep({PAUSE_S})" in source and "self._check_list_state.get()" in source


def apply_ice_patch() -> bool:
    """Put the repairs in place, once; tell whether they are."""
    module: Any = aioice.ice
    if isinstance(module.asyncio, _PacedAsyncio):
        return True
    if not is_expected():
        logger.warning("aioice has changed: links open a little slower")
        return False
    connection: Any = aioice.ice.Connection
    connection.connect = _announced(connection.connect)
    connection.get_component_candidates = partialmethod(connection.get_component_candidates, timeout=GATHER_S)
    module.get_host_addresses = _with_loopback(module.get_host_addresses)
    module.asyncio = _PacedAsyncio("asyncio")
    return True


def _announced(connect: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    async def connect_announced(self: Any) -> None:
        done = asyncio.Event()
        if self._check_list_state.empty():
            self._check_list_state = _AnnouncingQueue(done)
        else:
            done.set()
        mark = _check_list_done.set(done)
        try:
            await connect(self)
        finally:
            _check_list_done.reset(mark)

    return connect_announced


def _with_loopback(get_host_addresses: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return get_host_addresses(use_ipv4, use_ipv6) or [LOOPBACK]

    return host_addresses
