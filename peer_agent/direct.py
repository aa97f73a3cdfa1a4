"""Direct mode as the user has it: asks, accepts and ends consent, and answers contacts who offer a link.

Spec: docs/spec/direct.md
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from p2p.protocol.frames import FrameToServer
from p2p.protocol.to_peer import DirectAsked
from p2p.protocol.to_server import DirectAnswer
from peer_agent.books import Books
from peer_agent.contact_book import Contact
from peer_agent.crypto.direct import DirectKey, fingerprint_of, with_one_fingerprint
from peer_agent.crypto.errors import Malformed
from peer_agent.crypto.identity import Identity
from peer_agent.crypto.messages import OfConsent
from peer_agent.delivery import Delivery
from peer_agent.direct_consent import Consent
from peer_agent.direct_links import DirectLinks
from peer_agent.events import DirectUnsafe, Event
from peer_agent.pins import Pins
from peer_agent.rtc import TransportFailed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DirectModeParts:
    """What direct mode is made of."""

    own: Identity
    books: Books
    consent: Consent
    pins: Pins
    links: DirectLinks
    send_frame: Callable[[FrameToServer], None]
    report: Callable[[Event], None]


class Direct:
    """Consent with every contact, and the answering end of direct links."""

    def __init__(self, parts: DirectModeParts, delivery: Delivery) -> None:
        self._parts = parts
        self._contacts = parts.books.contacts
        self._delivery = delivery

    def ask(self, username: str) -> int | None:
        """Ask a contact for direct links; to one who asked that is a yes.

        Returns the number of the message that says so, which is routed; None if there was nothing to say.

        Raises:
            UnknownUser: no accepted contact of that name.
            ContactBlocked: the contact's keys do not match.
        """
        return self._say(self._safe(username), self._parts.consent.ask)

    def accept(self, username: str) -> int | None:
        """Say yes to a contact who asks for direct links.

        Raises:
            UnknownUser: no accepted contact of that name, or it has not asked.
            ContactBlocked: the contact's keys do not match.
        """
        return self._say(self._safe(username), self._parts.consent.accept)

    def end(self, username: str) -> int | None:
        """Want no direct links with a contact; those that are open are closed before this returns.

        Raises:
            UnknownUser: no accepted contact of that name.
        """
        return self._say(self._contacts.require(username), self._parts.consent.end)

    def changed(self, number: int) -> None:
        """Follow what became of a consent."""
        if self._contacts.get(number).allows_direct:
            self._delivery.consent_began(number)
        else:
            self._parts.links.close_all_of(number)
            self._delivery.consent_ended(number)

    def distrust(self, number: int) -> None:
        """Stop all that is direct with a contact, and say so: somebody stood between."""
        with self._parts.books.store.transaction():
            self._parts.consent.distrust(number)
        self.changed(number)
        self._parts.report(DirectUnsafe(self._contacts.get(number).username))

    def asked(self, frame: DirectAsked) -> None:
        """Answer an offer, if it is of a contact with whom there is consent; else say nothing."""
        number = self._contacts.watched().get(frame.token)
        contact = None if number is None else self._contacts.get(number)
        if contact is None or not contact.allows_direct:
            return
        key = DirectKey(contact.direct_key)
        try:
            offer = fingerprint_of(frame.sdp)
        except Malformed:
            self.distrust(contact.number)
            return
        if not key.proves_offer(frame.proof, contact.identity.fingerprint, offer):
            self.distrust(contact.number)
            return
        self._answer(contact, key, frame, offer)

    def _answer(self, contact: Contact, key: DirectKey, frame: DirectAsked, offer: bytes) -> None:
        def answered(description: str) -> None:
            proof = key.prove_answer(self._parts.own.fingerprint, offer, fingerprint_of(description))
            self._parts.send_frame(DirectAnswer(frame.hop, description, proof))

        try:
            description = with_one_fingerprint(frame.sdp)
            self._parts.links.answer(contact.number, frame.hop, description, answered)
        except TransportFailed:
            logger.info("a direct link could not be answered")

    def _safe(self, username: str) -> Contact:
        contact = self._contacts.require(username)
        if contact.is_unsafe:
            raise self._parts.pins.blocked(contact.number)
        return contact

    def _say(self, contact: Contact, decide: Callable[[int], OfConsent | None]) -> int | None:
        number = self._delivery.say(contact.number, lambda: decide(contact.number))
        self.changed(contact.number)
        return number
