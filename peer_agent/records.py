"""What programs are told of contacts and messages: never a key, a token or a chain.

Spec: docs/spec/agent.md, section "Events", results `contact` and `message`
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from peer_agent.contact_book import Contact, ContactState
from peer_agent.history import Entry, Gap, Kept
from peer_agent.safety import weakest_suite
from peer_agent.showing import text_of


@dataclass(frozen=True, slots=True)
class ContactInfo:
    """A contact. unsafe: keys have changed, nothing is sent. suite: the weakest of its devices."""

    user: str
    state: ContactState
    unsafe: bool
    verified: bool
    suite: int
    ignored: bool
    blocked: bool
    greeting: str

    def to_json(self) -> dict[str, Any]:
        """The keys of a `contact` result."""
        body = dataclasses.asdict(self)
        del body["greeting"]
        return body


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """A stored message; `text` and `sent_at_ms` are None where one is missing."""

    user: str
    number: int
    state: Kept
    outgoing: bool
    text: str | None
    sent_at_ms: int | None

    def to_json(self) -> dict[str, Any]:
        """The keys of a `message` result."""
        return dataclasses.asdict(self)


def contact_info(contact: Contact) -> ContactInfo:
    """What is told of a contact."""
    return ContactInfo(
        contact.username,
        contact.state,
        contact.is_unsafe,
        contact.is_verified,
        int(weakest_suite(contact)),
        contact.is_ignored,
        contact.is_blocked,
        contact.greeting,
    )


def message_info(username: str, entry: Entry) -> MessageInfo:
    """What is told of a message with a contact, or of the gap in its place."""
    if isinstance(entry, Gap):
        return MessageInfo(username, entry.number, entry.state, False, None, None)
    return MessageInfo(
        username, entry.number, entry.state, entry.is_outgoing, text_of(entry), entry.message.sent_ms
    )
