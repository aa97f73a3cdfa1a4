"""A guarded repair of aiortc's SCTP. Where its inside is not the expected one, nothing is changed.

`RTCSctpTransport` confirms every packet by a packet of its own, before anything else. A cell is four packets,
so a forwarder sends and reads twice as many packets as it has to, and passes a cell on only after the last of
these. Now every second packet is confirmed (RFC 9260, section 6.2), at the end of the loop's turn, in which
up to three more may come; and one that no other follows, after SACK_DELAY_S. What came out of order or twice
is confirmed at once, as before.
"""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from aiortc.rtcsctptransport import RTCSctpTransport

logger = logging.getLogger(__name__)

# The other end sends again after a second at the earliest; RFC 9260 allows 0.2 s.
SACK_DELAY_S = 0.02
CONFIRMED_TOGETHER = 2
# In one turn of the loop: a cell.
MOST_CONFIRMED_TOGETHER = 4

_SendSack = Callable[[Any], Awaitable[None]]


@dataclass(slots=True)
class _Waiting:
    """So many packets of an association are not confirmed, and when they will be."""

    packets: int
    handle: asyncio.Handle


_waiting: WeakKeyDictionary[Any, _Waiting] = WeakKeyDictionary()
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
    transport._send_sack = _together(transport._send_sack)
    return True


def _together(send_sack: _SendSack) -> _SendSack:
    """Confirm packets together, and after what else their arrival leads to."""

    async def send_or_wait(self: Any) -> None:
        loop = asyncio.get_running_loop()
        waiting = _waiting.get(self)
        packets = 1 if waiting is None else waiting.packets + 1
        is_amiss = self._sack_misordered or self._sack_duplicates
        if waiting is not None and (is_amiss or packets in (CONFIRMED_TOGETHER, MOST_CONFIRMED_TOGETHER)):
            waiting.handle.cancel()
            del _waiting[self]
        if is_amiss or packets >= MOST_CONFIRMED_TOGETHER:
            await send_sack(self)
            return
        self._sack_needed = False
        if packets == 1:
            _waiting[self] = _Waiting(1, loop.call_later(SACK_DELAY_S, _send, self, send_sack))
        elif packets == CONFIRMED_TOGETHER:
            _waiting[self] = _Waiting(packets, loop.call_soon(_send, self, send_sack))
        elif waiting is not None:
            waiting.packets = packets

    return send_or_wait


def _send(transport: Any, send_sack: _SendSack) -> None:
    del _waiting[transport]
    task = asyncio.ensure_future(_sent(transport, send_sack))
    _sending.add(task)
    task.add_done_callback(_sending.discard)


async def _sent(transport: Any, send_sack: _SendSack) -> None:
    # The link may have closed meanwhile; then nobody waits for it.
    with contextlib.suppress(ConnectionError):
        await send_sack(transport)
