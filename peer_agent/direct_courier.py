"""Carries the direct messages for one contact: offers a link, checks the answer, sends over that link alone.

Spec: docs/spec/direct.md, section "Procedure"
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from p2p.protocol.ids import OFFER_ID_BYTES, LinkId, OfferId, TransactionId
from p2p.protocol.link import OFFER_AGE_BEHIND_NAT_S
from p2p.protocol.to_peer import DirectReady, PathReady
from p2p.protocol.to_server import DirectOffer, Repath
from peer_agent import outbound_events as happened
from peer_agent.contact_book import Contact
from peer_agent.courier import RETRY_S, Courier, CourierParts
from peer_agent.crypto.direct import DirectKey, fingerprint_of, with_one_fingerprint
from peer_agent.crypto.errors import Malformed
from peer_agent.crypto.identity import Identity
from peer_agent.direct_links import DirectLinks
from peer_agent.direct_route import DirectRoute
from peer_agent.errors import NoDirectLinks
from peer_agent.outbound_table import Phase
from peer_agent.rtc import TransportFailed

OFFER_AGE_S = OFFER_AGE_BEHIND_NAT_S
OFFER_RETRY_S = 4 * RETRY_S


@dataclass(frozen=True, slots=True)
class DirectParts:
    """What direct couriers share: our identity, the links, and who hears that somebody stood between."""

    own: Identity
    links: DirectLinks
    distrust: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Offered:
    """The offer that the server has: for which transaction, on which link, with which certificate."""

    tx: TransactionId
    offer: OfferId
    link: LinkId
    fingerprint: bytes


class DirectCourier(Courier):
    """The way out to one contact without anybody between; no path is taken instead (invariant 6)."""

    is_direct: ClassVar[bool] = True

    def __init__(self, contact: int, parts: CourierParts, direct: DirectParts) -> None:
        super().__init__(contact, replace(parts, send_cell=direct.links.send))
        self._direct = direct
        self._offered: _Offered | None = None
        self._link: LinkId | None = None
        self._offer_at = 0.0
        self._is_offering = False

    def path_ready(self, frame: PathReady) -> None:
        """Ignore a path: these messages go directly, whatever the server says."""

    def direct_ready(self, frame: DirectReady) -> None:
        """Open the link that was answered, if the answer is the contact's own."""
        contact, offered = self._parts.books.contacts.get(self._contact), self._offered
        if not contact.has_device(frame.device.bytes):
            self._parts.tasks.spawn(self._look_for_device(frame))
        elif offered is None or (offered.tx, offered.offer) != (frame.tx, frame.offer):
            # Of an offer that was replaced meanwhile.
            self._parts.send_frame(Repath(frame.tx, frame.attempt))
        elif not self._is_genuine(contact, frame, offered):
            self._direct.distrust(self._contact)
        else:
            self._open(contact, frame, offered)

    def consent_ended(self) -> None:
        """Let everything go: messages stay in the outbox."""
        self.stop()
        self._close_link()
        self._drop_offer()

    def close(self) -> None:
        super().close()
        self._close_link()

    def _is_genuine(self, contact: Contact, frame: DirectReady, offered: _Offered) -> bool:
        if not contact.allows_direct:
            return False
        try:
            answer = fingerprint_of(frame.sdp)
        except Malformed:
            return False
        maker = contact.identity.fingerprint
        return DirectKey(contact.direct_key).proves_answer(frame.proof, maker, offered.fingerprint, answer)

    def _open(self, contact: Contact, frame: DirectReady, offered: _Offered) -> None:
        self._close_link()
        self._offered, self._link, self._offer_at = None, offered.link, 0.0
        route = DirectRoute(offered.link, contact.device(frame.device.bytes), (frame.hop,), ())
        self._direct.links.accept(offered.link, frame.hop, with_one_fingerprint(frame.sdp))
        self._take_path(route, happened.PathGiven(frame.tx, frame.attempt))

    async def _request(self, tx: TransactionId, contact: Contact) -> None:
        if not contact.allows_direct or contact.their_token is None or contact.my_token is None:
            raise NoDirectLinks(f"There is no consent with {contact.username}.")
        await self._parts.api.direct.start(tx, contact.their_token, contact.my_token)

    def _mind_link(self) -> None:
        """Offer a link while one is waited for, and close it when its time is over."""
        if self._outbound.path is None:
            self._close_link()
        if self._outbound.state.phase is not Phase.WAITING:
            self._drop_offer()
        elif self._is_offer_due() and not self._is_offering and self._outbound.tx is not None:
            self._is_offering = True
            self._parts.tasks.spawn(self._offer(self._outbound.tx))

    def _link_due(self) -> float | None:
        if self._outbound.state.phase is not Phase.WAITING or self._is_offering:
            return None
        return self._offer_at

    def _is_offer_due(self) -> bool:
        is_others = self._offered is not None and self._offered.tx != self._outbound.tx
        return is_others or _now() >= self._offer_at

    async def _offer(self, tx: TransactionId) -> None:
        try:
            link, description = await self._direct.links.offer(self._contact)
        except TransportFailed:
            self._offer_at = _now() + OFFER_RETRY_S
        else:
            self._drop_offer()
            fingerprint, offer = fingerprint_of(description), OfferId(secrets.token_bytes(OFFER_ID_BYTES))
            self._offer_at = _now() + OFFER_AGE_S
            # Read now: while the offer was made, the consent may have ended.
            contact = self._parts.books.contacts.get(self._contact)
            if not contact.allows_direct:
                self._direct.links.close(link)
                return
            self._offered = _Offered(tx, offer, link, fingerprint)
            proof = DirectKey(contact.direct_key).prove_offer(self._direct.own.fingerprint, fingerprint)
            self._parts.send_frame(DirectOffer(tx, offer, description, proof))
        finally:
            self._is_offering = False
            self._wake.set()

    def _drop_offer(self) -> None:
        self._offer_at = 0.0
        if self._offered is not None:
            self._direct.links.close(self._offered.link)
            self._offered = None

    def _close_link(self) -> None:
        if self._link is not None:
            self._direct.links.close(self._link)
            self._link = None


def _now() -> float:
    return asyncio.get_running_loop().time()
