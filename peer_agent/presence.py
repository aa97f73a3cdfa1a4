"""Says regularly that this peer is here: onion key, capabilities and the whole stock of offers.

Spec: docs/spec/signaling.md, frame `ice_client`
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from p2p.protocol.frames import FrameToServer
from p2p.protocol.limits import HEARTBEAT_S
from p2p.protocol.link import OFFER_AGE_S
from p2p.protocol.parts import Capabilities
from p2p.protocol.to_server import IceClient, Offer
from p2p.protocol.words import Nat
from peer_agent.clock import Clock
from peer_agent.crypto.identity import DeviceKeys
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.events import Event, Online
from peer_agent.links import Links
from peer_agent.rtc import nat_of, offer_age_s

logger = logging.getLogger(__name__)

# Offers are taken in bursts; one frame tells of all that happened within this time.
GATHER_S = 0.01


@dataclass(frozen=True, slots=True)
class PresenceParts:
    """What presence is made of. told: called after each refresh. forwards: carries other people's cells.

    tickets: those to show for this device's guards.
    """

    own: DeviceKeys
    links: Links
    clock: Clock
    send: Callable[[FrameToServer], None]
    report: Callable[[Event], None]
    told: Callable[[], None]
    forwards: bool
    tickets: Callable[[], tuple[bytes, ...]] = tuple


class Presence:
    """This peer's entry at the server, and the onion keys behind it."""

    def __init__(self, parts: PresenceParts) -> None:
        self.keys = OnionKeys.create(day=parts.clock.day())
        self._parts = parts
        self._links = parts.links
        self._due = asyncio.Event()
        self._is_whole_due = False
        self._has_told = False
        self._nat, self._offer_age_s = Nat.UNKNOWN, OFFER_AGE_S

    def renew_soon(self, *, whole: bool = False) -> None:
        """Send the stock again: because an offer was taken, or the server asks to hear everything anew."""
        self._is_whole_due = self._is_whole_due or whole
        self._due.set()

    async def run(self) -> NoReturn:
        """Keep presence and stock fresh until cancelled."""
        renewed_at = asyncio.get_running_loop().time()
        while True:
            is_time = await self._wait(renewed_at)
            now = asyncio.get_running_loop().time()
            if is_time or self._is_whole_due:
                self._links.stock.retire(now=now)
                renewed_at, self._is_whole_due = now, False
            self._links.stock.discard_old(now=now)
            if not self._links.is_ready:
                continue
            await self._links.stock.fill()
            self._tell()

    async def offer_live(self) -> None:
        """Make one offer now: a path waits for it."""
        offer = await self._links.stock.make() if self._links.is_ready else None
        if offer is not None:
            self._parts.send(Offer(offer.id, offer.sdp))

    async def _wait(self, renewed_at: float) -> bool:
        """Wait for the next reason to speak; tells whether the stock has got old, or the heartbeat is due."""
        left_s = renewed_at + self._renew_s - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(left_s, GATHER_S)):
                await self._due.wait()
        except TimeoutError:
            return True
        await asyncio.sleep(GATHER_S)
        self._due.clear()
        return False

    @property
    def _renew_s(self) -> float:
        return min(HEARTBEAT_S, self._offer_age_s)

    def _tell(self) -> None:
        parts = self._parts
        self.keys = self.keys.rotated(day=parts.clock.day())
        offers = self._links.stock.current()
        if offers:
            self._nat, self._offer_age_s = nat_of(offers[-1].sdp), offer_age_s(offers[-1].sdp)
        key = self.keys.signed(parts.own).pack()
        parts.send(IceClient(key, Capabilities(forward=parts.forwards), self._nat, offers, parts.tickets()))
        if not self._has_told:
            self._has_told = True
            parts.report(Online(len(offers), parts.forwards))
        parts.told()
