"""A guarded repair of aiortc's SCTP. Where its inside is not the expected one, nothing is changed.

`RTCSctpTransport` confirms every packet by a packet of its own. A cell is four packets, so a forwarder sends
and reads more packets than it has to. With the repair every second one is confirmed, and one that no other
follows after SACK_DELAY_S (RFC 9260, section 6.2). What came out of order or twice is confirmed at once.
"""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from aiortc.rtcsctptransport import RTCSctpTransport

logger = logging.getLogger(__name__)

# The other end sends again after a second at the earliest; RFC 9260 allows 0.2 s. Fewer than every second, as
# one for a whole cell, would let the other end's window grow too slowly: it grows with each confirmation.
SACK_DELAY_S = 0.02

_SendSack = Callable[[Any], Awaitable[None]]
# Of each association that has a packet to confirm.
_waiting: WeakKeyDictionary[Any, asyncio.TimerHandle] = WeakKeyDictionary()
_sending: set[asyncio.Future[None]] = set()


def is_expected() -> bool:
    """Tell whether aiortc has the inside that the repair relies on."""
    handle = getattr(RTCSctpTransport, "_handle_data", None)
    send = getattr(RTCSctpTransport, "_send_sack", None)
    if handle is None or send is None or not inspect.iscoroutinefunction(send):
        return False
    needed = "if self._sack_needed:\n            await self._send_sack()"
    sends = inspect.getsource(send)
    names = ("self._sack_misordered", "self._sack_duplicates", "self._sack_needed = False")
    return needed in inspect.getsource(handle) and all(name in sends for name in names)


def apply_sctp_patch() -> bool:
    """Put the repair in place, once; tell whether it is."""
    transport: Any = RTCSctpTransport
    if hasattr(transport, "_send_sack_at_once"):
        return True
    if not is_expected():
        logger.warning("aiortc has changed: links take a little more time of the processor")
        return False
    transport._send_sack_at_once = transport._send_sack
    transport._send_sack = _every_second(transport._send_sack)
    return True


def _every_second(send_sack: _SendSack) -> _SendSack:
    """Confirm a packet only with the one after it, or a little later."""

    async def send_or_wait(self: Any) -> None:
        waiting = _waiting.pop(self, None)
        if waiting is not None:
            waiting.cancel()
        if waiting is not None or self._sack_misordered or self._sack_duplicates:
            await send_sack(self)
            return
        self._sack_needed = False
        _waiting[self] = asyncio.get_running_loop().call_later(SACK_DELAY_S, _late, self, send_sack)

    return send_or_wait


def _late(transport: Any, send_sack: _SendSack) -> None:
    del _waiting[transport]
    task = asyncio.ensure_future(_sent(transport, send_sack))
    _sending.add(task)
    task.add_done_callback(_sending.discard)


async def _sent(transport: Any, send_sack: _SendSack) -> None:
    # The link may have closed meanwhile; then nobody waits for it.
    with contextlib.suppress(ConnectionError):
        await send_sack(transport)
