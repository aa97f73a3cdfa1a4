"""How two users become contacts: a sealed request, a sealed yes, and a delivery token in each.

The server stores no row that names both of them.

Spec: docs/spec/messages.md, kinds 2 and 3
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from peer_agent.account import Account
from peer_agent.api import Api, UserBundle
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact, ContactState, folded, is_user_name, new_contact
from peer_agent.crypto.chain import GOOD, Verdict, judge, pack_chain, split_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceEntry, Identity
from peer_agent.crypto.messages import (
    ContactAccept,
    ContactRequest,
    Content,
    DeliveryToken,
    create_message,
)
from peer_agent.crypto.sessions import Session
from peer_agent.delivery_tokens import DeliveryTokens
from peer_agent.errors import ContactBlocked, UnknownUser, UsageError
from peer_agent.events import ContactAdded, ContactAsked, Event
from peer_agent.handshakes import Handshakes
from peer_agent.opening import Opened
from peer_agent.pins import Pins
from peer_agent.posts import Posts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContactParts:
    """What the acquaintance of two users needs."""

    account: Account
    api: Api
    books: Books
    tokens: DeliveryTokens
    handshakes: Handshakes
    posts: Posts
    pins: Pins
    clock: Clock
    report: Callable[[Event], None]


class Contacts:
    """Requests and acceptances of this user."""

    def __init__(self, parts: ContactParts) -> None:
        self._parts = parts
        self._books = parts.books

    async def request(
        self, username: str, greeting: str = "", *, fingerprint: bytes | None = None
    ) -> Contact:
        """Ask a user to become a contact; asks again when the first request had no answer.

        fingerprint: of an invitation; with it, a user who is hidden from strangers is found, and nobody else.

        Raises:
            UsageError: this is the user's own name.
            UnknownUser: there is no such user.
            ContactBlocked: the user was blocked here, or the server shows another chain than the one that was
                pinned before, or that the fingerprint is of.
            Refused, ServerUnreachable
        """
        name = folded(username)
        if name == self._parts.account.username:
            raise UsageError("You can not be your own contact.")
        known = self._known(name, fingerprint)
        if known is not None and known.state is ContactState.ACCEPTED:
            return known
        if known is not None and known.state is ContactState.ASKING:
            return await self.accept(name)
        if known is None or known.my_token is None:
            await self._parts.tokens.provide()
        pinned = fingerprint if known is None else known.identity.fingerprint
        bundle = await self._parts.api.keys.claim_bundle(name, None, fingerprint=pinned)
        # Read again: while the server was asked, the contact's own request or yes may have come.
        known = self._books.contacts.find(name)
        if known is not None and known.state is not ContactState.ASKED:
            return await self.request(name, greeting, fingerprint=fingerprint)
        if known is None:
            chain = self._verified_chain(name, bundle, fingerprint)
            known = new_contact(name, ContactState.ASKED, chain)
        else:
            known = self._parts.pins.server_shows(known.number, bundle.statements)
        contact, post = self._ask(known, bundle, greeting)
        await self._parts.posts.hand_over(post)
        return contact

    async def accept(self, username: str) -> Contact:
        """Say yes to a user who asked.

        Raises:
            UnknownUser: nobody of that name has asked.
            ContactBlocked: the user was blocked here, or the server shows other keys than those that asked.
            Refused, ServerUnreachable: the yes is not said, or is kept as a post that goes later.
        """
        contact = self._books.contacts.find(folded(username))
        if contact is None or contact.state is ContactState.ASKED:
            raise UnknownUser(f"{username} has not asked to be a contact.")
        if contact.is_blocked:
            raise self._parts.pins.blocked(contact.number)
        if contact.state is ContactState.ASKING:
            contact = await self._say_yes(contact)
        return contact

    async def is_genuine(self, opened: Opened) -> bool:
        """Tell whether a contact request comes from the user it names: anybody can write one with any name.

        Raises:
            Refused, ServerUnreachable: that can not be checked now.
        """
        identity = _claimed_identity(opened)
        if identity is None:
            return False
        known = self._books.contacts.find(identity.user_name)
        # Dropped without a question: nothing of a blocked user is worth one.
        if known is not None and known.is_blocked:
            return False
        return await self._is_at_server(identity, opened.session.peer)

    def asked(self, opened: Opened) -> Contact | None:
        """Take in a contact request that is genuine; None if it does not fit the chain pinned before."""
        content, identity = opened.message.content, _claimed_identity(opened)
        if identity is None or not isinstance(content, ContactRequest):
            return None
        with self._books.store.transaction():
            contact, news = self._meet(identity, content, opened.session.peer)
            if contact is not None:
                self._keep(contact.number, opened)
        for event in news:
            self._parts.report(event)
        return contact

    def owed(self) -> list[int]:
        """Numbers of the contacts that asked again and have no answer yet."""
        contacts = self._books.contacts.all()
        return [contact.number for contact in contacts if contact.owes_yes and not contact.is_closed]

    async def answer(self, number: int) -> None:
        """Say yes again to a contact that has no answer yet.

        Raises:
            ContactBlocked, Refused, UnknownUser, ServerUnreachable: it still has none.
        """
        await self._say_yes(self._books.contacts.get(number))

    def _ask(self, contact: Contact, bundle: UserBundle, greeting: str) -> tuple[Contact, int]:
        """Keep a contact that is asked, and the post that asks; returns both."""
        books, tokens = self._books, self._parts.tokens
        session = self._parts.handshakes.begin(bundle, contact.devices[0])
        with books.store.transaction():
            if books.contacts.state(contact.number) is None:
                books.contacts.add(contact)
            token = contact.my_token or tokens.give(contact.number)
            contact = books.contacts.change(contact.number, my_token=token)
            content = ContactRequest(self._parts.account.chain, DeliveryToken(token), greeting)
            return contact, self._write(contact, content, session, username=contact.username)

    def _meet(
        self, identity: Identity, content: ContactRequest, device: DeviceEntry
    ) -> tuple[Contact | None, list[Event]]:
        """Keep whoever asks, in a transaction of the caller's; returns the contact and what to report.

        None for one who is blocked, or does not fit the chain pinned before, or a device that was removed.
        """
        contacts, name = self._books.contacts, identity.user_name
        known, news = contacts.find(name), list[Event]()
        if known is not None and known.is_blocked:
            return None, news
        if known is None:
            known = contacts.add(new_contact(name, ContactState.ASKING, content.chain))
        else:
            fits, news = self._parts.pins.message_carries(known.number, content.chain)
            if not fits or device not in contacts.get(known.number).devices:
                return None, news
        given: dict[str, Any] = {"their_token": content.token, "greeting": content.greeting}
        if known.state is ContactState.ASKED:
            # Both asked. Whether ours was taken in is not known: under keys that they doubt it is dropped.
            given |= {"state": ContactState.ACCEPTED, "owes_yes": True}
            news.append(ContactAdded(name))
        elif known.state is ContactState.ACCEPTED:
            # Our yes got lost, or was made on the other side's earlier state, or their devices are others.
            given["owes_yes"] = True
        elif not known.is_ignored:
            news.append(ContactAsked(name))
        return contacts.change(known.number, **given), news

    def _keep(self, number: int, opened: Opened) -> None:
        """Keep what a request was opened with, inside a transaction of the caller's."""
        books = self._books
        books.sessions.save(number, opened.session)
        books.prekeys.spend(opened.spent)
        if opened.header is not None:
            books.prekeys.remember(opened.header)

    async def _say_yes(self, contact: Contact) -> Contact:
        books, number = self._books, contact.number
        if contact.my_token is None:
            await self._parts.tokens.provide()
        session = await self._parts.handshakes.session_with(contact, contact.devices[0])
        with books.store.transaction():
            # Read again: while the server was asked, the contact may have changed.
            contact = books.contacts.get(number)
            was_accepted = contact.state is ContactState.ACCEPTED
            if was_accepted and not contact.owes_yes:
                return contact
            if contact.is_closed:
                raise self._parts.pins.blocked(number)
            token = contact.my_token or self._parts.tokens.give(number)
            contact = books.contacts.change(
                number, state=ContactState.ACCEPTED, my_token=token, owes_yes=False, is_ignored=False
            )
            content = ContactAccept(self._parts.account.chain, DeliveryToken(token))
            post = self._write(contact, content, session, token=contact.their_token)
        if not was_accepted:
            self._parts.report(ContactAdded(contact.username))
        await self._parts.posts.hand_over(post)
        return contact

    def _write(
        self,
        contact: Contact,
        content: Content,
        session: Session,
        *,
        token: bytes | None = None,
        username: str | None = None,
    ) -> int:
        """Seal a message as a post, inside a transaction of the caller's; returns the post's number."""
        message = create_message(content, now_ms=self._parts.clock.unix_ms())
        session, envelope = session.encrypt(message.pack())
        self._books.sessions.save(contact.number, session)
        return self._parts.posts.add(session.peer, envelope, token=token, username=username)

    async def hand_token(self, number: int, check: Callable[[Contact], None]) -> tuple[Contact, int]:
        """Give an accepted contact that has none a token, in a request that it answers by itself.

        check: raises if that is not meant any more, as the contact stands after the server was asked.
        Returns: the contact, and the request's post, which is kept and to be handed over.

        Raises:
            ContactBlocked, Refused, UnknownUser, ServerUnreachable: it has none yet, and nothing was changed.
        """
        books = self._books
        await self._parts.tokens.provide()
        contact = books.contacts.get(number)
        session = await self._parts.handshakes.session_with(contact, contact.devices[0])
        with books.store.transaction():
            contact = books.contacts.get(number)
            check(contact)
            if contact.is_unsafe:
                raise self._parts.pins.blocked(number)
            token = self._parts.tokens.give(number)
            contact = books.contacts.change(number, my_token=token, is_blocked=False)
            content = ContactRequest(self._parts.account.chain, token, "")
            return contact, self._write(contact, content, session, token=contact.their_token)

    def _known(self, name: str, fingerprint: bytes | None) -> Contact | None:
        """Look up who may be asked.

        Raises:
            ContactBlocked: the user was blocked here, or is another one than the invitation is from.
        """
        known = self._books.contacts.find(name)
        if known is not None and known.is_blocked:
            raise self._parts.pins.blocked(known.number)
        if known is not None and fingerprint not in (None, known.identity.fingerprint):
            raise ContactBlocked(f"The invitation is from somebody else than the {name} who is known here.")
        return known

    def _verified_chain(self, name: str, bundle: UserBundle, fingerprint: bytes | None) -> bytes:
        try:
            identity = verify_chain(bundle.statements)
        except CryptoError as error:
            raise ContactBlocked(f"The keys of {name} do not verify.") from error
        if identity.user_name != name:
            raise ContactBlocked(f"The server shows somebody else's keys for {name}.")
        if fingerprint not in (None, identity.fingerprint):
            raise ContactBlocked(f"The identity that the server shows for {name} has another fingerprint.")
        return pack_chain(bundle.statements)

    async def _is_at_server(self, identity: Identity, device: DeviceEntry) -> bool:
        """Tell whether the server knows the user by this chain or a later one, with this device."""
        try:
            name, fingerprint = identity.user_name, identity.fingerprint
            bundle = await self._parts.api.keys.claim_bundle(name, None, fingerprint=fingerprint)
            held = verify_chain(bundle.statements)
        except (UnknownUser, CryptoError):
            return False
        verdict = judge(identity, held)
        # An older one is no proof against the request; it stands against the pin at the next claim.
        return verdict is Verdict.ROLLED_BACK or (verdict in GOOD and device in held.devices)


def _claimed_identity(opened: Opened) -> Identity | None:
    """The identity in a request, if the handshake proved one of its devices and it could have that name."""
    content = opened.message.content
    if not isinstance(content, ContactRequest):
        return None
    try:
        identity = verify_chain(split_chain(content.chain))
        proven = identity.device(opened.session.peer.device_id) == opened.session.peer
    except CryptoError:
        return None
    # The server's rule for names, which a chain alone does not keep: a name must not look like a contact's.
    return identity if proven and is_user_name(identity.user_name) else None
