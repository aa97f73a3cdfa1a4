"""The stock of ready offers: made ahead, each good for one answer, renewed before it gets old.

Spec: docs/spec/links.md, section "Limits and timers"
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from p2p.protocol.ids import OFFER_ID_BYTES, OfferId
from p2p.protocol.limits import MAX_OFFERS
from p2p.protocol.link import OFFER_STOCK, LinkState
from p2p.protocol.parts import StockOffer
from peer_agent.link_end import LinkEnd
from peer_agent.rtc import TransportFailed

logger = logging.getLogger(__name__)

# The server may have handed out an offer in the moment it was renewed.
RETIRED_S = 10.0
MAX_KEPT = 3 * OFFER_STOCK


@dataclass(slots=True)
class _Ready:
    offer: StockOffer
    end: LinkEnd
    retired_at: float | None = None


class OfferStock:
    """Offers nobody has taken yet, and for a short while those that were replaced."""

    def __init__(self, make_end: Callable[[], LinkEnd]) -> None:
        self._make_end = make_end
        self._ready: dict[OfferId, _Ready] = {}
        self._making = 0

    def current(self) -> tuple[StockOffer, ...]:
        """What the server may hand out from now on."""
        return tuple(
            ready.offer
            for ready in self._ready.values()
            if ready.retired_at is None and ready.end.state is LinkState.STOCK
        )

    def take(self, offer_id: OfferId) -> LinkEnd | None:
        """Give an offer away for good; None if it was never ours or is gone."""
        ready = self._ready.pop(offer_id, None)
        return None if ready is None else ready.end

    async def make(self) -> StockOffer | None:
        """Add one offer; None when there are enough of them, or this machine can make none at the moment."""
        unused = sum(ready.retired_at is None for ready in self._ready.values())
        if unused + self._making >= MAX_OFFERS:
            return None
        self._making += 1
        try:
            return await self._make()
        finally:
            self._making -= 1

    async def _make(self) -> StockOffer | None:
        end = self._make_end()
        try:
            description = await end.offer()
        except TransportFailed:
            logger.warning("no offer could be made")
            end.drop()
            return None
        except asyncio.CancelledError:
            # The peer closes: nobody else knows of this one.
            await end.closed()
            raise
        offer = StockOffer(OfferId(secrets.token_bytes(OFFER_ID_BYTES)), description)
        self._ready[offer.id] = _Ready(offer, end)
        return offer

    async def fill(self) -> None:
        """Make offers until the stock is whole."""
        while len(self.current()) < OFFER_STOCK:
            if await self.make() is None:
                return

    def retire(self, *, now: float) -> None:
        """Take every offer out of the stock; an answer that is on its way can still use it."""
        for ready in self._ready.values():
            if ready.retired_at is None:
                ready.retired_at = now

    def discard_old(self, *, now: float) -> None:
        """Close offers that were retired long enough ago, and the oldest beyond the bound."""
        surplus = max(0, len(self._ready) - MAX_KEPT)
        for place, (key, ready) in enumerate(tuple(self._ready.items())):
            if ready.retired_at is not None and (place < surplus or now - ready.retired_at >= RETIRED_S):
                self._ready.pop(key).end.drop()

    def ends(self) -> list[LinkEnd]:
        """The links to be of every offer."""
        return [ready.end for ready in self._ready.values()]

    def clear(self) -> None:
        """Close every offer."""
        for ready in tuple(self._ready.values()):
            ready.end.drop()
        self._ready.clear()
