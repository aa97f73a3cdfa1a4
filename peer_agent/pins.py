"""Pinned chains: what is shown of a contact is compared with what was found good, and pinned or refused.

Spec: docs/spec/identity.md, section "Verdict"
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import NO_CONSENT, Contact, ContactState
from peer_agent.crypto.chain import GOOD, Verdict, judge, pack_chain, read_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceEntry, DeviceId, Identity
from peer_agent.delivery_tokens import DeliveryTokens
from peer_agent.errors import ContactBlocked
from peer_agent.events import ContactRenewed, ContactUnsafe, Event
from peer_agent.safety import what_is_wrong

# 64 of the longest statements.
MAX_CHAIN_BYTES = 32_768
NO_CHAIN = b"\x00"


class Pins:
    """The chains of contacts, and the one place that changes them."""

    def __init__(
        self,
        books: Books,
        tokens: DeliveryTokens,
        own: Identity,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> None:
        self._books = books
        self._tokens = tokens
        self._own = own
        self._clock = clock
        self._report = report

    def server_shows(self, number: int, statements: Sequence[bytes]) -> Contact:
        """Follow the chain that the server shows today for a contact.

        Raises:
            ContactBlocked: it does not continue the pinned one, or one before did not; nothing is sent.
        """
        try:
            shown = verify_chain(statements)
        except CryptoError:
            raise self.block(number, _packed(statements)) from None
        # Read after the server was asked: the pin may have moved on in between.
        contact = self._books.contacts.get(number)
        verdict = judge(contact.identity, shown)
        if verdict not in GOOD:
            raise self.block(number, pack_chain(statements))
        if verdict is not Verdict.SAME:
            with self._books.store.transaction():
                news = self._pin(contact, shown)
            self._report(news)
        if contact.is_unsafe:
            # Whatever is shown by now, the user has not decided yet.
            raise self.blocked(number)
        return self._books.contacts.get(number)

    def message_carries(self, number: int, chain: bytes) -> tuple[bool, list[Event]]:
        """Follow a chain inside a message of a contact, in a transaction of the caller's.

        Returns whether it fits, and what to report. It may be older than the pinned one: messages wait.
        """
        contact = self._books.contacts.get(number)
        try:
            shown = read_chain(chain)
        except CryptoError:
            return False, []
        verdict = judge(contact.identity, shown)
        if verdict in GOOD:
            return True, [] if verdict is Verdict.SAME else [self._pin(contact, shown)]
        if verdict is Verdict.ROLLED_BACK:
            return True, []
        return False, self._mark_unsafe(contact, chain)

    def block(self, number: int, shown: bytes = b"") -> ContactBlocked:
        """Send nothing to a contact until the user decides; `shown` is the chain that stands against the pin.

        Returns what to raise.
        """
        with self._books.store.transaction():
            news = self._mark_unsafe(self._books.contacts.get(number), shown)
        for event in news:
            self._report(event)
        return self.blocked(number)

    def blocked(self, number: int) -> ContactBlocked:
        """Say why nothing is sent to a contact."""
        contact = self._books.contacts.get(number)
        if contact.is_blocked:
            return ContactBlocked(
                f"You have blocked {contact.username}: `mesa-peer unblock {contact.username}` ends that."
            )
        hint = f"`mesa-peer verify {contact.username}` tells what to do."
        return ContactBlocked(f"{what_is_wrong(contact, self._own)} {hint}")

    def accept_new(self, number: int, shown: Identity, *, is_verified: bool) -> Contact:
        """Pin what the user has decided for, and begin all sessions anew.

        Somebody with another statement 0 is a stranger: what the one before was given ends. So it does where
        no device is left that it was given to.
        """
        books = self._books
        contact = books.contacts.get(number)
        before = _by_id(contact.identity)
        changes: dict[str, Any] = {"is_unsafe": False, "shown": b"", "is_verified": is_verified}
        is_stranger = shown.fingerprint != contact.identity.fingerprint
        if is_stranger:
            changes |= {"state": ContactState.ASKED, "their_token": None, "owes_yes": False}
        with books.store.transaction():
            books.sessions.forget(number, before)
            books.outbox.unseal_all(number)
            if is_stranger or not _keys(contact.identity) & _keys(shown):
                changes |= self._take_back(number)
            return books.contacts.change(number, chain=pack_chain(shown.statements), **changes)

    def _pin(self, contact: Contact, shown: Identity) -> Event:
        """Pin a chain that continues the pinned one; what was meant for devices that are gone goes, too."""
        books, number = self._books, contact.number
        before, after = _by_id(contact.identity), _by_id(shown)
        gone, risen = before.keys() - after.keys(), _risen(before, after)
        changes: dict[str, Any] = {"chain": pack_chain(shown.statements)}
        books.sessions.forget(number, gone)
        if gone or risen:
            books.outbox.unseal_all(number)
        if risen:
            # Sessions under the weaker suite are for receiving only from here on.
            changes["sessions_from_ms"] = max(contact.sessions_from_ms, self._clock.unix_ms())
        if not before.keys() & after.keys():
            changes |= self._take_back(number)
        books.contacts.change(number, **changes)
        return ContactRenewed(contact.username, len(after.keys() - before.keys()), len(gone))

    def _take_back(self, number: int) -> dict[str, Any]:
        """End what devices were given that are gone: whoever has them has it. Returns what changes.

        Those of now have nothing of what the ones before had.
        """
        self._tokens.end(number)
        knows_from = self._books.history.next_number(number)
        # The times of their messages say nothing about those of other devices.
        return {"my_token": None, "direct_ms": 0, "knows_from": knows_from, **NO_CONSENT}

    def _mark_unsafe(self, contact: Contact, shown: bytes) -> list[Event]:
        self._books.contacts.change(contact.number, is_unsafe=True, shown=shown or contact.shown)
        return [] if contact.is_unsafe else [ContactUnsafe(contact.username)]


def _by_id(identity: Identity) -> dict[DeviceId, DeviceEntry]:
    return {device.device_id: device for device in identity.devices}


def _keys(identity: Identity) -> set[bytes]:
    """What only the devices themselves can sign with: anybody can name an id."""
    return {device.signing.raw for device in identity.devices}


def _risen(before: Mapping[DeviceId, DeviceEntry], after: Mapping[DeviceId, DeviceEntry]) -> bool:
    return any(after[each].suite < before[each].suite for each in before.keys() & after.keys())


def _packed(statements: Sequence[bytes]) -> bytes:
    """What the server showed instead of a chain, to be kept as far as it is not too long for one."""
    try:
        return pack_chain(statements)[:MAX_CHAIN_BYTES]
    except CryptoError:
        return NO_CHAIN
