"""How two users become contacts: a sealed request, a sealed yes, and a delivery token in each.

The server stores no row that names both of them.

Spec: docs/spec/messages.md, kinds 2 and 3
"""

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

from peer_agent.account import Account
from peer_agent.api import Api, UserBundle
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact, ContactState, new_contact
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import Identity, pack_chain, split_chain, verify_chain
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
from peer_agent.events import ContactAdded, ContactAsked, ContactUnsafe, Event
from peer_agent.handshakes import Handshakes
from peer_agent.opening import Opened
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
    clock: Clock
    report: Callable[[Event], None]


class Contacts:
    """Requests and acceptances of this user."""

    def __init__(self, parts: ContactParts) -> None:
        self._parts = parts
        self._books = parts.books

    async def request(self, username: str, greeting: str = "") -> Contact:
        """Ask a user to become a contact; asks again when the first request had no answer.

        Raises:
            UsageError: this is the user's own name.
            UnknownUser: there is no such user.
            ContactBlocked: the server shows another chain than the one pinned before.
            Refused, ServerUnreachable
        """
        name = folded(username)
        if name == self._parts.account.username:
            raise UsageError("You can not be your own contact.")
        known = self._books.contacts.find(name)
        if known is not None and known.state is ContactState.ACCEPTED:
            return known
        if known is not None and known.state is ContactState.ASKING:
            return await self.accept(name)
        bundle = await self._parts.api.claim_bundle(name, None)
        contact = known or new_contact(name, ContactState.ASKED, self._verified_chain(name, bundle))
        if not contact.is_continued_by(pack_chain(bundle.statements)):
            raise self._unsafe(contact)
        session = self._parts.handshakes.begin(bundle, contact.devices[0])
        contact = await self._with_token(contact)
        content = ContactRequest(self._parts.account.chain, self._given(contact), greeting)
        post = self._write(contact, content, session, username=name)
        await self._parts.posts.hand_over(post)
        return contact

    async def accept(self, username: str) -> Contact:
        """Say yes to a user who asked.

        Raises:
            UnknownUser: nobody of that name has asked.
            Refused, ServerUnreachable: said again with the next run.
        """
        contact = self._books.contacts.find(folded(username))
        if contact is None or contact.state is ContactState.ASKED:
            raise UnknownUser(f"{username} has not asked to be a contact.")
        if contact.state is ContactState.ASKING:
            contact = await self._say_yes(contact)
        return contact

    async def is_genuine(self, opened: Opened) -> bool:
        """Tell whether a contact request comes from the user it names: anybody can write one with any name.

        Raises:
            Refused, ServerUnreachable: that can not be checked now.
        """
        identity = _claimed_identity(opened)
        return identity is not None and await self._is_at_server(identity)

    async def asked(self, opened: Opened) -> Contact | None:
        """Take in a contact request that is genuine; None if it does not fit the chain pinned before.

        What was opened is stored before anything is waited for.

        Raises:
            Refused, ServerUnreachable: the request is stored, and a yes said again is not on its way.
        """
        content, identity = opened.message.content, _claimed_identity(opened)
        if identity is None or not isinstance(content, ContactRequest):
            return None
        known = self._books.contacts.find(identity.user_name)
        if known is not None and not known.is_continued_by(content.chain):
            self._unsafe(known)
            return None
        contact = known or new_contact(identity.user_name, ContactState.ASKING, content.chain)
        contact = replace(contact, their_token=content.token, greeting=content.greeting)
        return await self._answer(contact, opened)

    async def _answer(self, contact: Contact, opened: Opened) -> Contact:
        if contact.state is ContactState.ASKED:
            # Both asked at the same time: each has the other's token already.
            contact = replace(contact, state=ContactState.ACCEPTED)
            self._keep(contact, opened)
            self._parts.report(ContactAdded(contact.username))
        elif contact.state is ContactState.ACCEPTED:
            # Our yes got lost, or was made on the other side's earlier state.
            self._keep(contact, opened)
            contact = await self._say_yes(contact)
        else:
            self._keep(contact, opened)
            self._parts.report(ContactAsked(contact.username))
        return contact

    def _keep(self, contact: Contact, opened: Opened) -> None:
        books = self._books
        with books.store.transaction():
            books.contacts.save(contact)
            books.sessions.save(contact.number, opened.session)
            books.prekeys.spend(opened.spent)
            if opened.header is not None:
                books.prekeys.remember(opened.header)

    async def _say_yes(self, contact: Contact) -> Contact:
        token = (await self._with_token(contact)).my_token
        session = await self._parts.handshakes.session_with(contact, contact.devices[0])
        # Read again: while the server was asked, the contact may have changed.
        contact = self._books.contacts.get(contact.number)
        assert contact.their_token is not None  # noqa: S101  it came with the request
        was_new = contact.state is not ContactState.ACCEPTED
        contact = replace(contact, state=ContactState.ACCEPTED, my_token=contact.my_token or token)
        content = ContactAccept(self._parts.account.chain, self._given(contact))
        post = self._write(contact, content, session, token=contact.their_token)
        if was_new:
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
        """Seal a message as a post, kept together with contact and session; returns the post's number."""
        message = create_message(content, now_ms=self._parts.clock.unix_ms())
        session, envelope = session.encrypt(message.pack())
        with self._books.store.transaction():
            self._books.contacts.save(contact)
            self._books.sessions.save(contact.number, session)
            self._parts.tokens.give(self._given(contact), contact.number)
            return self._parts.posts.add(contact.devices[0], envelope, token=token, username=username)

    async def _with_token(self, contact: Contact) -> Contact:
        if contact.my_token is not None:
            return contact
        return replace(contact, my_token=await self._parts.tokens.provide())

    def _given(self, contact: Contact) -> DeliveryToken:
        assert contact.my_token is not None  # noqa: S101  `_with_token` comes first
        return DeliveryToken(contact.my_token)

    def _verified_chain(self, name: str, bundle: UserBundle) -> bytes:
        try:
            identity = verify_chain(bundle.statements)
        except CryptoError as error:
            raise ContactBlocked(f"The keys of {name} do not verify.") from error
        if identity.user_name != name:
            raise ContactBlocked(f"The server shows somebody else's keys for {name}.")
        return pack_chain(bundle.statements)

    async def _is_at_server(self, identity: Identity) -> bool:
        """Tell whether the server knows the user by this chain."""
        try:
            bundle = await self._parts.api.claim_bundle(identity.user_name, None)
            return verify_chain(bundle.statements).fingerprint == identity.fingerprint
        except (UnknownUser, CryptoError):
            return False

    def _unsafe(self, contact: Contact) -> ContactBlocked:
        with self._books.store.transaction():
            self._books.contacts.save(replace(contact, is_unsafe=True))
        self._parts.report(ContactUnsafe(contact.username))
        return ContactBlocked(f"The keys of {contact.username} have changed.")


def _claimed_identity(opened: Opened) -> Identity | None:
    """The identity in a request, if the handshake proved one of its devices."""
    content = opened.message.content
    if not isinstance(content, ContactRequest):
        return None
    try:
        identity = verify_chain(split_chain(content.chain))
        proven = identity.device(opened.session.peer.device_id) == opened.session.peer
    except CryptoError:
        return None
    return identity if proven else None


def folded(username: str) -> str:
    """A user name as the server keeps it."""
    return unicodedata.normalize("NFKC", username).casefold()
