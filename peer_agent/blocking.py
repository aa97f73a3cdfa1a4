"""What a user does about people who are not welcome: ignores, blocks, lets in again.

Nobody is told. A request that is ignored looks like one that was not seen; who is blocked sees somebody who
is offline.

Spec: docs/spec/agent.md, section "Ignoring and blocking"
"""

from collections import Counter

from peer_agent.contact_book import NO_CONSENT, Contact, ContactState, folded
from peer_agent.contacts import ContactParts, Contacts
from peer_agent.delivery import Delivery
from peer_agent.direct import Direct
from peer_agent.errors import UnknownUser, UsageError
from peer_agent.events import UserBlocked, UserIgnored, UserUnblocked


class Blocking:
    """The user's word about contacts and those who ask."""

    def __init__(self, parts: ContactParts, contacts: Contacts, delivery: Delivery, direct: Direct) -> None:
        self._parts = parts
        self._books = parts.books
        self._contacts = contacts
        self._delivery = delivery
        self._direct = direct
        # How often each was blocked in this run.
        self._blocks: Counter[int] = Counter()

    def ignore(self, username: str) -> Contact:
        """Leave a contact request without an answer; when the same user asks again, nothing shows.

        Raises:
            UnknownUser: nobody of that name has asked.
        """
        contact = self._books.contacts.find(folded(username))
        if contact is None or contact.state is not ContactState.ASKING or contact.is_blocked:
            raise UnknownUser(f"{username} does not ask to be a contact.")
        if not contact.is_ignored:
            with self._books.store.transaction():
                contact = self._books.contacts.change(contact.number, is_ignored=True)
            self._parts.report(UserIgnored(contact.username))
        return contact

    async def block(self, username: str) -> Contact:
        """Take nothing more from somebody, and send nothing: at once here, then the server is told.

        Raises:
            UnknownUser: there is neither a contact nor a request of that name.
            Refused, ServerUnreachable: blocked, but their token lives until the server is told.
        """
        contact = self._find(username)
        self._blocks[contact.number] += 1
        if not contact.is_blocked:
            with self._books.store.transaction():
                self._parts.tokens.end(contact.number)
                contact = self._books.contacts.change(
                    contact.number,
                    is_blocked=True,
                    is_ignored=False,
                    my_token=None,
                    owes_yes=False,
                    **NO_CONSENT,
                )
            self._delivery.stop(contact.number)
            self._direct.changed(contact.number)
            self._parts.report(UserBlocked(contact.username))
        await self._parts.tokens.withdraw()
        return contact

    async def unblock(self, username: str) -> Contact:
        """Let somebody in again; a contact gets a new token, and what waits for it goes on.

        Raises:
            UnknownUser: there is neither a contact nor a request of that name.
            UsageError: whoever has it was not blocked.
            ContactBlocked: a contact stays blocked: keys do not match, or it was blocked again meanwhile.
            Refused, ServerUnreachable: a contact stays blocked, or its token is a post that goes later.
        """
        contact = self._find(username)
        _require_blocked(contact)
        if contact.state is ContactState.ACCEPTED and not contact.is_unsafe:
            contact = await self._let_in(contact.number)
        else:
            contact = self._open(contact)
            self._parts.report(UserUnblocked(contact.username))
        return contact

    async def _let_in(self, number: int) -> Contact:
        blocks = self._blocks[number]

        def check(contact: Contact) -> None:
            _require_blocked(contact)
            if self._blocks[number] != blocks:
                raise self._parts.pins.blocked(number)

        contact, post = await self._contacts.hand_token(number, check)
        # Handed over last: they are let in, whatever becomes of the post.
        self._parts.report(UserUnblocked(contact.username))
        if contact.their_token is not None:
            self._delivery.watch_contact(contact.their_token)
        self._delivery.go_on(number)
        await self._parts.posts.hand_over(post)
        return contact

    def _open(self, contact: Contact) -> Contact:
        """Let in one who has no token to get now: nothing was agreed yet, or keys do not match."""
        asking = contact.state is ContactState.ASKING
        state = ContactState.ASKING if asking else ContactState.ASKED
        with self._books.store.transaction():
            return self._books.contacts.change(contact.number, is_blocked=False, state=state)

    def _find(self, username: str) -> Contact:
        contact = self._books.contacts.find(folded(username))
        if contact is None:
            raise UnknownUser(f"{username} is no contact, and has not asked to be one.")
        return contact


def _require_blocked(contact: Contact) -> None:
    if not contact.is_blocked:
        raise UsageError(f"{contact.username} is not blocked.")
