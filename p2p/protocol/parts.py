"""Nested objects of frames, and the codecs of ids.

Spec: docs/spec/signaling.md
"""

from dataclasses import dataclass
from typing import TypeVar, cast

from p2p.protocol import ids
from p2p.protocol.errors import BadFrame
from p2p.protocol.fields import (
    MAX_REVISION,
    SDP_BYTES,
    Codec,
    binary,
    choice,
    flag,
    listed,
    number,
    optional,
    record,
    sdp,
    text,
    uuid4,
    wire,
)
from p2p.protocol.ids import DeviceId, HopId, LinkId, OfferId, StreamId, TransactionId
from p2p.protocol.limits import (
    FRAME_BYTES,
    FRAMES_PER_S,
    MAX_ATTEMPT,
    MAX_ICE_SERVERS,
    MAX_INDEX,
    MAX_OFFERS,
    MAX_RECEIPT_ENTRIES,
    MAX_SERVER_LIMIT,
    MAX_WATCH,
)
from p2p.protocol.words import How, TransactionState

_ID = TypeVar("_ID")


def _as(kind: "type[_ID] | object", codec: Codec[bytes]) -> "Codec[_ID]":
    """Give a binary codec the distinct type of an id."""
    return cast("Codec[_ID]", codec)


hop_id: Codec[HopId] = _as(HopId, binary(ids.HOP_ID_BYTES))
link_id: Codec[LinkId] = _as(LinkId, binary(ids.LINK_ID_BYTES))
offer_id: Codec[OfferId] = _as(OfferId, binary(ids.OFFER_ID_BYTES))
stream_id: Codec[StreamId] = _as(StreamId, binary(ids.STREAM_ID_BYTES))
transaction_id = cast("Codec[TransactionId]", uuid4)
device_id = cast("Codec[DeviceId]", uuid4)
attempt_number = number(1, MAX_ATTEMPT)
attempts_so_far = number(0, MAX_ATTEMPT)
revision_number = number(0, MAX_REVISION)
proof = binary(ids.PROOF_BYTES)
signed_onion_key = binary(ids.SIGNED_ONION_KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a peer is willing to do."""

    forward: bool = wire(flag)


@dataclass(frozen=True, slots=True)
class StockOffer:
    """One ready WebRTC offer; good for one answer."""

    id: OfferId = wire(offer_id)
    sdp: str = wire(sdp)


@dataclass(frozen=True, slots=True)
class ReceiptEntry:
    """One message's receipt: SHA-256(ciphertext)[:16] and a MAC only the sender can check."""

    digest: bytes = wire(binary(ids.DIGEST_BYTES))
    mac: bytes = wire(binary(ids.MAC_BYTES))


@dataclass(frozen=True, slots=True)
class Credit:
    """The highest index up to which a stream has arrived without a gap."""

    stream: StreamId = wire(stream_id)
    index: int = wire(number(0, MAX_INDEX))


@dataclass(frozen=True, slots=True)
class Order:
    """One hop a peer is to be ready for: ids, and how its link comes to be."""

    hop: HopId = wire(hop_id)
    link: LinkId = wire(link_id)
    how: How = wire(choice(How))
    sdp: str | None = wire(optional(sdp))
    offer: OfferId | None = wire(optional(offer_id))

    def __post_init__(self) -> None:
        if (self.sdp is not None) != (self.how is How.ANSWER) or (self.offer is not None) != (
            self.how is How.TAKEN
        ):
            raise BadFrame("an order's parts do not match its kind")


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server, as WebRTC takes it."""

    urls: tuple[str, ...] = wire(listed(text, 4, at_least=1))
    username: str | None = wire(optional(text))
    credential: str | None = wire(optional(text), is_secret=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """The server's limits for this socket."""

    frame_bytes: int = wire(number(1, MAX_SERVER_LIMIT))
    frames_per_s: int = wire(number(1, MAX_SERVER_LIMIT))
    offers: int = wire(number(1, MAX_OFFERS))
    sdp_bytes: int = wire(number(1, MAX_SERVER_LIMIT))
    watch: int = wire(number(1, MAX_SERVER_LIMIT))


LIMITS = Limits(FRAME_BYTES, FRAMES_PER_S, MAX_OFFERS, SDP_BYTES, MAX_WATCH)


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that has not ended, as its sender may know it."""

    tx: TransactionId = wire(transaction_id)
    state: TransactionState = wire(choice(TransactionState))
    attempt: int = wire(attempts_so_far)


@dataclass(frozen=True, slots=True)
class ConversationRevision:
    """The newest revision of a watched conversation."""

    conversation: DeviceId = wire(device_id)
    revision: int = wire(revision_number)


ice_server_list = listed(record(IceServer), MAX_ICE_SERVERS)
receipt_entries = listed(record(ReceiptEntry), MAX_RECEIPT_ENTRIES)
optional_credit = optional(record(Credit))


def need_content(entries: tuple[ReceiptEntry, ...], credit: Credit | None) -> None:
    """Refuse a receipt that says nothing.

    Raises:
        BadFrame: neither entries nor credit.
    """
    if not entries and credit is None:
        raise BadFrame("a receipt has neither entries nor credit")


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """Receipts for one transaction, held for its sender."""

    tx: TransactionId = wire(transaction_id)
    entries: tuple[ReceiptEntry, ...] = wire(receipt_entries)
    credit: Credit | None = wire(optional_credit)

    def __post_init__(self) -> None:
        need_content(self.entries, self.credit)
