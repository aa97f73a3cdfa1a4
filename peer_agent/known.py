"""What a device knows by itself, for programs that ask: who it is, contacts, messages, safety numbers."""

from dataclasses import dataclass
from typing import Any

from peer_agent.account import Account
from peer_agent.books import Books
from peer_agent.contact_book import Contact, ContactState
from peer_agent.crypto.identity import safety_number
from peer_agent.crypto.messages import MAX_GREETING_SIGNS
from peer_agent.errors import ContactBlocked, UnknownUser, UsageError
from peer_agent.events import ContactAsked, Event
from peer_agent.history import Kept
from peer_agent.records import ContactInfo, MessageInfo, contact_info, message_info
from peer_agent.safety import are_digits_of, told_of, what_is_wrong
from peer_agent.verifying import find_contact, mark_verified


@dataclass(frozen=True, slots=True)
class Known:
    """An account and its books."""

    account: Account
    books: Books

    def contacts(self) -> list[ContactInfo]:
        """Everybody this user knows, by name."""
        return [contact_info(each) for each in self.books.contacts.all()]

    def history(self, username: str, last: int | None) -> list[MessageInfo]:
        """The messages with a contact, in order.

        Raises:
            UnknownUser: there is none of that name.
        """
        contact = find_contact(self.books, username)
        history, number = self.books.history, contact.number
        entries = history.conversation(number) if last is None else history.latest(number, last)
        return [message_info(contact.username, each) for each in entries]

    def safety_number(self, username: str) -> str:
        """The number that both users compare.

        Raises:
            UnknownUser: there is none of that name.
        """
        return self._number_with(find_contact(self.books, username))

    def verify(self, username: str, digits: str) -> ContactInfo:
        """Mark a contact as verified, if these are the digits of the safety number.

        Raises:
            UnknownUser: there is none of that name.
            ContactBlocked: they are others, or the contact's keys have changed.
        """
        contact = find_contact(self.books, username)
        if contact.is_unsafe:
            raise ContactBlocked(what_is_wrong(contact, self.account.identity))
        if not are_digits_of(digits, self._number_with(contact)):
            raise ContactBlocked(
                f"These are not the digits of your safety number with {contact.username}: "
                "somebody may stand between you."
            )
        return contact_info(mark_verified(self.books, contact))

    def is_delivered(self, username: str, number: int) -> bool:
        """Tell whether a message of ours has its receipt.

        Raises:
            UnknownUser: there is no such contact, or no such message of ours.
            ContactBlocked: it has none, and nothing goes to this contact.
        """
        contact = find_contact(self.books, username)
        if self.books.history.is_in(contact.number, number, Kept.DELIVERED):
            return True
        if not self.books.history.is_in(contact.number, number, Kept.UNDELIVERED):
            raise UnknownUser(f"No message {number} was sent to {contact.username}.")
        if contact.is_unsafe:
            raise ContactBlocked(what_is_wrong(contact, self.account.identity))
        return False

    def safety(self, username: str) -> dict[str, Any]:
        """The keys of a `verify` result.

        Raises:
            UnknownUser: there is none of that name.
        """
        return told_of(find_contact(self.books, username), self.account.identity)

    def unanswered(self) -> list[Event]:
        """The requests that nobody has answered yet, as they were told of when they came."""
        contacts = self.books.contacts.all()
        asking = (each for each in contacts if each.state is ContactState.ASKING)
        return [ContactAsked(each.username) for each in asking if not (each.is_ignored or each.is_blocked)]

    def _number_with(self, contact: Contact) -> str:
        return safety_number(self.account.identity, contact.identity)


def checked_greeting(text: str) -> str:
    """A greeting that fits into a request.

    Raises:
        UsageError: it is too long.
    """
    if len(text) > MAX_GREETING_SIGNS:
        raise UsageError(f"A greeting has at most {MAX_GREETING_SIGNS} signs.")
    return text
