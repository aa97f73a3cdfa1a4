"""Whether two users want direct links: asked, given and ended by messages inside the ratchet.

All of it belongs into a transaction of the caller's.
Spec: docs/spec/direct.md, section "Consent"
"""

import os

from peer_agent.contact_book import NO_CONSENT, Contact, ContactBook, DirectState
from peer_agent.crypto.direct import Party, agree
from peer_agent.crypto.identity import Identity
from peer_agent.crypto.messages import PART_BYTES, DirectAccept, DirectAsk, DirectEnd, OfConsent
from peer_agent.errors import UnknownUser
from peer_agent.events import DirectAgreed, DirectEnded, DirectWish, Event


class Consent:
    """The agreement with each contact, beside the contact in the store."""

    def __init__(self, contacts: ContactBook, own: Identity) -> None:
        self._contacts = contacts
        self._own = own

    def ask(self, number: int) -> OfConsent | None:
        """Wish for direct links; to a contact who wishes for them already that is a yes.

        Returns what is to be sent; None if there is nothing to add.
        """
        contact = self._contacts.get(number)
        if contact.direct is DirectState.ASKING:
            return self.accept(number)
        if contact.direct in (DirectState.ASKED, DirectState.ACCEPTED):
            return None
        part = os.urandom(PART_BYTES)
        self._contacts.change(number, **{**NO_CONSENT, "direct": DirectState.ASKED, "direct_part": part})
        return DirectAsk(part)

    def accept(self, number: int) -> OfConsent | None:
        """Say yes to a contact who asked; returns what is to be sent, None if both agreed before.

        Raises:
            UnknownUser: the contact has not asked.
        """
        contact = self._contacts.get(number)
        if contact.direct is DirectState.ACCEPTED:
            return None
        if contact.direct is not DirectState.ASKING:
            raise UnknownUser(f"{contact.username} has not asked for direct links.")
        part, theirs = os.urandom(PART_BYTES), contact.direct_part
        self._agree(contact, part, theirs)
        return DirectAccept(part, theirs)

    def end(self, number: int) -> OfConsent | None:
        """Want no direct links, or no more; returns what is to be sent, None if there was nothing to end."""
        if self._contacts.get(number).direct is DirectState.NONE:
            return None
        self._contacts.change(number, **NO_CONSENT)
        return DirectEnd()

    def distrust(self, number: int) -> None:
        """Note that somebody stood between: no link is made until the users agree anew."""
        self._contacts.change(number, **{**NO_CONSENT, "direct": DirectState.UNSAFE})

    def take(self, number: int, content: OfConsent, sent_ms: int) -> list[Event]:
        """Follow a contact's message; one that was overtaken by a later one changes nothing."""
        contact = self._contacts.get(number)
        if sent_ms <= contact.direct_ms:
            return []
        news = self._follow(contact, content)
        if news:
            self._contacts.change(number, direct_ms=sent_ms)
        return news

    def _follow(self, contact: Contact, content: OfConsent) -> list[Event]:
        if isinstance(content, DirectEnd):
            self._contacts.change(contact.number, **NO_CONSENT)
            return [DirectEnded(contact.username)]
        is_asked = contact.direct is DirectState.ASKED
        if isinstance(content, DirectAsk) and not is_asked:
            fields = {**NO_CONSENT, "direct": DirectState.ASKING, "direct_part": content.part}
            self._contacts.change(contact.number, **fields)
            return [DirectWish(contact.username)]
        if not is_asked or (isinstance(content, DirectAccept) and content.answered != contact.direct_part):
            return []
        self._agree(contact, contact.direct_part, content.part)
        return [DirectAgreed(contact.username)]

    def _agree(self, contact: Contact, own: bytes, theirs: bytes) -> None:
        key = agree(Party(own, self._own.fingerprint), Party(theirs, contact.identity.fingerprint))
        fields = {**NO_CONSENT, "direct": DirectState.ACCEPTED, "direct_key": key.raw}
        self._contacts.change(contact.number, **fields)
