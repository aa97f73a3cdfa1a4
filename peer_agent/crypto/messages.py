"""Plaintexts: what is inside an envelope. Spec: docs/spec/messages.md"""

import os
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, NewType

from .encoding import VERSION, Reader, exactly, pad, u8, u16, u32, u64
from .errors import Malformed
from .primitives import Rng
from .receipts import RECEIPT_KEY_BYTES, ReceiptKey

MessageId = NewType("MessageId", bytes)
DeliveryToken = NewType("DeliveryToken", bytes)

ID_BYTES: Final = 16
TOKEN_BYTES: Final = 32
STEP_BYTES: Final = 256
MAX_SEEN: Final = 8
MAX_BODY_BYTES: Final = 65_536
MAX_GREETING_SIGNS: Final = 500
PART_BYTES: Final = 32


class Kind(IntEnum):
    """What a message is. Other numbers belong to newer versions."""

    TEXT = 1
    CONTACT_REQUEST = 2
    CONTACT_ACCEPT = 3
    SESSION_RESET = 4
    DIRECT_ASK = 5
    DIRECT_ACCEPT = 6
    DIRECT_END = 7


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # Half of a surrogate pair, as broken input methods make it.
        raise Malformed from None


@dataclass(frozen=True, slots=True)
class Text:
    """Something a person wrote."""

    text: str = field(repr=False)

    kind = Kind.TEXT

    def pack(self) -> bytes:
        if not self.text:
            raise Malformed
        return _utf8(self.text)

    @classmethod
    def unpack(cls, body: bytes) -> "Text":
        if not body:
            raise Malformed
        return cls(Reader(body).text(len(body)))


@dataclass(frozen=True, slots=True)
class ContactAccept:
    """Yes to a contact request: the chain and a delivery token of the one who accepts.

    Layout:
        0    2   length of the chain
        2    …   packed chain
        …   32   delivery token
    """

    chain: bytes = field(repr=False)
    token: DeliveryToken = field(repr=False)

    kind = Kind.CONTACT_ACCEPT

    def pack(self) -> bytes:
        return u16(len(self.chain)) + self.chain + exactly(self.token, TOKEN_BYTES)

    @classmethod
    def unpack(cls, body: bytes) -> "ContactAccept":
        reader = Reader(body)
        chain, token = _read_introduction(reader)
        reader.finish()
        return cls(chain, token)


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """A wish to be a contact: like ContactAccept, and then a greeting of at most MAX_GREETING_SIGNS."""

    chain: bytes = field(repr=False)
    token: DeliveryToken = field(repr=False)
    greeting: str = field(default="", repr=False)

    kind = Kind.CONTACT_REQUEST

    def pack(self) -> bytes:
        greeting = _utf8(self.greeting)
        if len(self.greeting) > MAX_GREETING_SIGNS:
            raise Malformed
        return ContactAccept(self.chain, self.token).pack() + u16(len(greeting)) + greeting

    @classmethod
    def unpack(cls, body: bytes) -> "ContactRequest":
        reader = Reader(body)
        chain, token = _read_introduction(reader)
        greeting = reader.text(reader.u16())
        reader.finish()
        if len(greeting) > MAX_GREETING_SIGNS:
            raise Malformed
        return cls(chain, token, greeting)


def _read_introduction(reader: Reader) -> tuple[bytes, DeliveryToken]:
    return reader.take(reader.u16()), DeliveryToken(reader.take(TOKEN_BYTES))


@dataclass(frozen=True, slots=True)
class SessionReset:
    """The sender could not open what came in: send again what is not receipted, in this session."""

    kind = Kind.SESSION_RESET

    def pack(self) -> bytes:
        return b""

    @classmethod
    def unpack(cls, body: bytes) -> "SessionReset":
        exactly(body, 0)
        return cls()


@dataclass(frozen=True, slots=True)
class DirectAsk:
    """A wish for direct links, with the asker's part of the key. Spec: docs/spec/direct.md"""

    part: bytes = field(repr=False)

    kind = Kind.DIRECT_ASK

    def pack(self) -> bytes:
        return exactly(self.part, PART_BYTES)

    @classmethod
    def unpack(cls, body: bytes) -> "DirectAsk":
        return cls(exactly(body, PART_BYTES))


@dataclass(frozen=True, slots=True)
class DirectAccept:
    """Yes to direct links: the part of the one who accepts, and the part of the wish it answers."""

    part: bytes = field(repr=False)
    answered: bytes = field(repr=False)

    kind = Kind.DIRECT_ACCEPT

    def pack(self) -> bytes:
        return exactly(self.part, PART_BYTES) + exactly(self.answered, PART_BYTES)

    @classmethod
    def unpack(cls, body: bytes) -> "DirectAccept":
        exactly(body, 2 * PART_BYTES)
        return cls(body[:PART_BYTES], body[PART_BYTES:])


@dataclass(frozen=True, slots=True)
class DirectEnd:
    """No direct links, or no more."""

    kind = Kind.DIRECT_END

    def pack(self) -> bytes:
        return b""

    @classmethod
    def unpack(cls, body: bytes) -> "DirectEnd":
        exactly(body, 0)
        return cls()


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """A message of a newer version: kept as it is, and shown as "needs a newer version"."""

    kind: int
    body: bytes = field(repr=False)

    def pack(self) -> bytes:
        return self.body


OfConsent = DirectAsk | DirectAccept | DirectEnd
Content = Text | ContactRequest | ContactAccept | SessionReset | OfConsent | UnknownKind
_KNOWN: Final = {
    each.kind: each
    for each in (Text, ContactRequest, ContactAccept, SessionReset, DirectAsk, DirectAccept, DirectEnd)
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message between two devices.

    Layout, zero-padded to a multiple of STEP_BYTES:
        0    1   version, 1
        1    1   kind
        2   16   message id
        18   8   time the sender gives, in ms since 1970
        26  32   receipt key
        58   1   number of seen ids, at most MAX_SEEN
        59   …   ids of the last messages the sender has seen, 16 bytes each
        …    4   length of the body, at most MAX_BODY_BYTES
        …    …   body
    """

    message_id: MessageId
    sent_ms: int
    content: Content
    receipt_key: ReceiptKey = field(repr=False)
    seen: tuple[MessageId, ...] = ()

    def pack(self) -> bytes:
        """Write and pad.

        Raises:
            Malformed: something is longer than a message may hold.
        """
        body = self.content.pack()
        if len(body) > MAX_BODY_BYTES or len(self.seen) > MAX_SEEN:
            raise Malformed
        ids = [exactly(each, ID_BYTES) for each in (self.message_id, *self.seen)]
        start = u8(VERSION) + u8(self.content.kind) + ids[0] + u64(self.sent_ms)
        seen = exactly(self.receipt_key, RECEIPT_KEY_BYTES) + u8(len(self.seen)) + b"".join(ids[1:])
        return pad(start + seen + u32(len(body)) + body, STEP_BYTES)

    @classmethod
    def unpack(cls, plaintext: bytes) -> "Message":
        """Parse strictly; a kind that is not known keeps its body.

        Raises:
            UnknownVersion, Malformed
        """
        reader = Reader(plaintext)
        reader.version()
        kind, message_id = reader.u8(), MessageId(reader.take(ID_BYTES))
        sent_ms, receipt_key = reader.u64(), ReceiptKey(reader.take(RECEIPT_KEY_BYTES))
        seen_count = reader.u8()
        seen = tuple(MessageId(reader.take(ID_BYTES)) for _ in range(seen_count))
        body = reader.take(reader.u32())
        reader.padding(STEP_BYTES)
        if seen_count > MAX_SEEN or len(body) > MAX_BODY_BYTES:
            raise Malformed
        known = _KNOWN.get(Kind(kind)) if kind in tuple(Kind) else None
        content: Content = known.unpack(body) if known else UnknownKind(kind, body)
        return cls(message_id, sent_ms, content, receipt_key, seen)


def renew_message(message: Message, rng: Rng = os.urandom) -> Message:
    """Make the same message ready for another device or session: its id stays, its receipt key does not."""
    return replace(message, receipt_key=ReceiptKey(rng(RECEIPT_KEY_BYTES)))


def create_message(
    content: Content, *, now_ms: int, seen: tuple[MessageId, ...] = (), rng: Rng = os.urandom
) -> Message:
    """Make a message with a new id (a UUIDv4) and a new receipt key."""
    message_id = bytearray(rng(ID_BYTES))
    message_id[6] = message_id[6] & 0x0F | 0x40
    message_id[8] = message_id[8] & 0x3F | 0x80
    receipt_key = ReceiptKey(rng(RECEIPT_KEY_BYTES))
    return Message(MessageId(bytes(message_id)), now_ms, content, receipt_key, seen[-MAX_SEEN:])
