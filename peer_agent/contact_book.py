"""Contacts of this device: pinned chains, delivery tokens both ways, how far the acquaintance has come."""

import json
import re
import unicodedata
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.account import random_number
from peer_agent.crypto.chain import read_chain
from peer_agent.crypto.identity import DeviceEntry, DeviceId, Identity
from peer_agent.crypto.primitives import sha256
from peer_agent.errors import UnknownUser
from peer_agent.opened_records import OpenedRecords
from peer_agent.store import Store, row_key


class ContactState(StrEnum):
    """How far two users have come."""

    ASKED = "asked"
    ASKING = "asking"
    ACCEPTED = "accepted"


class DirectState(StrEnum):
    """How far two users have agreed to direct links.

    Spec: docs/spec/direct.md, section "Consent"
    """

    NONE = "none"
    ASKED = "asked"
    ASKING = "asking"
    ACCEPTED = "accepted"
    UNSAFE = "unsafe"


# What is left of a consent that has ended.
NO_CONSENT: dict[str, Any] = {"direct": DirectState.NONE, "direct_part": b"", "direct_key": b""}


@dataclass(frozen=True, slots=True)
class Contact:
    """Another user.

    chain: pinned at the first meeting. their_token: reaches them, once they gave one. my_token: reaches us
    and is given to nobody else. is_unsafe: keys came up that do not match what was pinned. shown: the chain
    that did, if it was one. is_verified: the users have compared their safety number.
    owes_yes: they asked again, and were not answered yet.
    is_ignored: their request stays without an answer. is_blocked: the user wants nothing from them.
    reset_at_ms: when a session reset was last sent to them. sessions_from_ms: sessions begun before are only
    for receiving. knows_from: number of the first message that a device of theirs may have got or written.
    direct: consent to direct links; direct_part: ours while asked, theirs while asking; direct_key: of both
    once accepted; direct_ms: the time of their last message about it.
    """

    number: int
    username: str
    state: ContactState
    chain: bytes
    their_token: bytes | None
    my_token: bytes | None
    greeting: str = ""
    is_unsafe: bool = False
    is_verified: bool = False
    shown: bytes = b""
    owes_yes: bool = False
    reset_at_ms: int = 0
    sessions_from_ms: int = 0
    knows_from: int = 1
    is_ignored: bool = False
    is_blocked: bool = False
    direct: DirectState = DirectState.NONE
    direct_part: bytes = field(default=b"", repr=False)
    direct_key: bytes = field(default=b"", repr=False)
    direct_ms: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether nothing is sent: keys do not match, or the user blocked them."""
        return self.is_unsafe or self.is_blocked

    @property
    def has_to_be_asked(self) -> bool:
        """Whether what they were asked with has ended, so that no answer can come."""
        return self.state is ContactState.ASKED and self.my_token is None

    @property
    def allows_direct(self) -> bool:
        """Whether both agreed to direct links, and something may be sent to the contact."""
        return self.direct is DirectState.ACCEPTED and not self.is_closed

    @property
    def identity(self) -> Identity:
        return read_chain(self.chain)

    @property
    def devices(self) -> tuple[DeviceEntry, ...]:
        return self.identity.devices

    def device(self, device_id: bytes) -> DeviceEntry:
        """Find a device in the pinned chain.

        Raises:
            UnknownDevice: the chain does not name it.
        """
        return self.identity.device(DeviceId(device_id))

    def has_device(self, device_id: bytes) -> bool:
        """Tell whether the pinned chain names a device."""
        return any(device.device_id == device_id for device in self.devices)

    def pack(self) -> bytes:
        body = {
            "username": self.username,
            "state": self.state.value,
            "chain": b64_text(self.chain),
            "their_token": None if self.their_token is None else b64_text(self.their_token),
            "my_token": None if self.my_token is None else b64_text(self.my_token),
            "greeting": self.greeting,
            "is_unsafe": self.is_unsafe,
            "is_verified": self.is_verified,
            "shown": b64_text(self.shown),
            "owes_yes": self.owes_yes,
            "reset_at_ms": self.reset_at_ms,
            "sessions_from_ms": self.sessions_from_ms,
            "knows_from": self.knows_from,
            "is_ignored": self.is_ignored,
            "is_blocked": self.is_blocked,
            "direct": self.direct.value,
            "direct_part": b64_text(self.direct_part),
            "direct_key": b64_text(self.direct_key),
            "direct_ms": self.direct_ms,
        }
        return json.dumps(body).encode()

    @classmethod
    def unpack(cls, number: int, raw: bytes) -> "Contact":
        body = json.loads(raw)
        tokens = {
            key: None if body[key] is None else b64_bytes(body[key]) for key in ("their_token", "my_token")
        }
        state, chain = ContactState(body["state"]), b64_bytes(body["chain"])
        shown = b64_bytes(body["shown"])
        known = {**body, **tokens, "state": state, "chain": chain, "shown": shown}
        # Not in the records of before there were direct links.
        if "direct" in body:
            secrets = {key: b64_bytes(body[key]) for key in ("direct_part", "direct_key")}
            known |= {**secrets, "direct": DirectState(body["direct"])}
        return cls(number, **known)


class ContactBook:
    """The contacts in the store, by number and by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._opened = OpenedRecords[int, Contact](KEPT_OPEN)

    def all(self) -> list[Contact]:
        """Every contact, by name."""
        rows = self._store.rows("SELECT contact, record FROM contacts")
        return sorted((self._open(*row) for row in rows), key=lambda contact: contact.username)

    def get(self, number: int) -> Contact:
        (record,) = self._store.rows("SELECT record FROM contacts WHERE contact = ?", (number,))[0]
        return self._open(number, record)

    def find(self, username: str) -> Contact | None:
        """Look up a contact by its folded name."""
        sql = "SELECT contact, record FROM contacts WHERE name = ?"
        row = self._store.row(sql, (self._digest(username),))
        return None if row is None else self._open(*row)

    def admitted(self, number: int) -> ContactState | None:
        """How far a contact has come whose messages are taken in; None for one who is blocked, or is none."""
        row = self._store.row("SELECT record FROM contacts WHERE contact = ?", (number,))
        contact = None if row is None else self._open(number, row[0])
        return None if contact is None or contact.is_blocked else contact.state

    def state(self, number: int) -> ContactState | None:
        """How far a contact has come; None if it is none any more."""
        row = self._store.row("SELECT record FROM contacts WHERE contact = ?", (number,))
        return None if row is None else self._open(number, row[0]).state

    def require(self, username: str) -> Contact:
        """Look up an accepted contact.

        Raises:
            UnknownUser: no contact of that name, or it has not been accepted on both sides.
        """
        contact = self.find(folded(username))
        if contact is None:
            raise UnknownUser(f"{username} is no contact: run `mesa-peer request {username}` first.")
        if contact.has_to_be_asked:
            raise UnknownUser(f"{username} is no contact: `mesa-peer request {username}` asks again.")
        if contact.state is ContactState.ASKED:
            raise UnknownUser(f"{username} has not answered your request yet.")
        if contact.state is ContactState.ASKING:
            raise UnknownUser(f"{username} asks to be a contact: run `mesa-peer accept {username}` first.")
        return contact

    def reached(self) -> dict[bytes, int]:
        """Each token by which a contact is reached that something may be sent to → number of the contact."""
        return {
            contact.their_token: contact.number
            for contact in self.all()
            if contact.their_token is not None
            and contact.state is ContactState.ACCEPTED
            and not contact.is_closed
        }

    def watched(self) -> dict[bytes, int]:
        """The same by the tokens' digests."""
        return {sha256(token): number for token, number in self.reached().items()}

    def add(self, contact: Contact) -> Contact:
        """Write a contact whose name is not there, inside a transaction of the caller's."""
        self._store.change(
            "INSERT INTO contacts (contact, name, record) VALUES (?, ?, ?)",
            (contact.number, self._digest(contact.username), self._seal(contact)),
        )
        return contact

    def change(self, number: int, **fields: Any) -> Contact:
        """Change fields of a contact as it stands at this moment, inside a transaction of the caller's.

        The only way to change one: what was read before something was waited for may have changed since.
        """
        contact = replace(self.get(number), **fields)
        self._store.change("UPDATE contacts SET record = ? WHERE contact = ?", (self._seal(contact), number))
        return contact

    def _seal(self, contact: Contact) -> bytes:
        return self._store.seal(TABLE, row_key(contact.number), contact.pack())

    def _digest(self, username: str) -> bytes:
        # A name from a command line may be no text at all; then nobody has it.
        return self._store.digest(TABLE, username.encode("utf-8", "replace"))

    def _open(self, number: int, record: bytes) -> Contact:
        return self._opened.read(
            number, record, lambda: Contact.unpack(number, self._store.open(TABLE, row_key(number), record))
        )


TABLE = "contacts"
KEPT_OPEN = 4_096
_USER_NAME = re.compile(r"[a-z][a-z0-9_-]{1,31}")


def new_contact(username: str, state: ContactState, chain: bytes) -> Contact:
    """Make a contact that nobody has given a token yet."""
    return Contact(random_number(), username, state, chain, None, None)


def is_user_name(text: str) -> bool:
    """Tell whether a server gives such names: no two look alike, and none steers a terminal."""
    return _USER_NAME.fullmatch(text) is not None


def folded(username: str) -> str:
    """A user name as the server keeps it."""
    return unicodedata.normalize("NFKC", username).casefold()
