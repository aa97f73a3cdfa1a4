"""Frames from a peer to the server: a wish or a report.

Spec: docs/spec/signaling.md, section "Frames to the server"
"""

from dataclasses import dataclass
from typing import ClassVar

from p2p.protocol import ids
from p2p.protocol.fields import binary, binary_up_to, choice, listed, optional, record, sdp, wire
from p2p.protocol.ids import HopId, LinkId, OfferId, TransactionId
from p2p.protocol.limits import MAX_OFFERS, MAX_TICKETS, MAX_WATCH_PER_FRAME
from p2p.protocol.link import MAX_LINKS
from p2p.protocol.parts import (
    Capabilities,
    Credit,
    ReceiptEntry,
    StockOffer,
    attempt_number,
    hop_id,
    link_id,
    need_content,
    offer_id,
    optional_credit,
    proof,
    receipt_entries,
    signed_onion_key,
    transaction_id,
)
from p2p.protocol.words import Nat, ToServer


@dataclass(frozen=True, slots=True)
class Hello:
    """Open or re-open the peer session."""

    TYPE: ClassVar = ToServer.HELLO
    resume: bytes | None = wire(optional(binary(ids.RESUME_BYTES)))
    epoch: bytes | None = wire(optional(binary(ids.EPOCH_BYTES)))
    links: tuple[LinkId, ...] = wire(listed(link_id, MAX_LINKS))


@dataclass(frozen=True, slots=True)
class IceClient:
    """Refresh presence: onion key, capabilities and the whole stock of offers."""

    TYPE: ClassVar = ToServer.ICE_CLIENT
    onion_key: bytes = wire(signed_onion_key)
    capabilities: Capabilities = wire(record(Capabilities))
    nat: Nat = wire(choice(Nat))
    offers: tuple[StockOffer, ...] = wire(listed(record(StockOffer), MAX_OFFERS))
    tickets: tuple[bytes, ...] = wire(listed(binary_up_to(ids.TICKET_BYTES), MAX_TICKETS))


@dataclass(frozen=True, slots=True)
class Offer:
    """Add one offer to the stock."""

    TYPE: ClassVar = ToServer.OFFER
    id: OfferId = wire(offer_id)
    sdp: str = wire(sdp)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a link's offer; the same frame in both directions."""

    TYPE: ClassVar = ToServer.ANSWER
    link: LinkId = wire(link_id)
    sdp: str = wire(sdp)


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Report a link open at this end."""

    TYPE: ClassVar = ToServer.LINK_UP
    link: LinkId = wire(link_id)


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Report a link closed, or impossible to open."""

    TYPE: ClassVar = ToServer.LINK_DOWN
    link: LinkId = wire(link_id)


@dataclass(frozen=True, slots=True)
class HopFailed:
    """Report that the outgoing hop can not be opened or has broken."""

    TYPE: ClassVar = ToServer.HOP_FAILED
    hop: HopId = wire(hop_id)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Receipts or credit, named by the receiver's incoming hop."""

    TYPE: ClassVar = ToServer.RECEIPT
    hop: HopId = wire(hop_id)
    entries: tuple[ReceiptEntry, ...] = wire(receipt_entries)
    credit: Credit | None = wire(optional_credit)

    def __post_init__(self) -> None:
        need_content(self.entries, self.credit)


@dataclass(frozen=True, slots=True)
class Complete:
    """End a transaction: its sender needs it no longer."""

    TYPE: ClassVar = ToServer.COMPLETE
    tx: TransactionId = wire(transaction_id)


@dataclass(frozen=True, slots=True)
class Repath:
    """Ask for another path: a message over this attempt has no receipt in time."""

    TYPE: ClassVar = ToServer.REPATH
    tx: TransactionId = wire(transaction_id)
    attempt: int = wire(attempt_number)


@dataclass(frozen=True, slots=True)
class PathKeepalive:
    """Keep a path beyond its age limit."""

    TYPE: ClassVar = ToServer.PATH_KEEPALIVE
    tx: TransactionId = wire(transaction_id)


@dataclass(frozen=True, slots=True)
class Watch:
    """Ask to be told when the owners of these delivery tokens come online."""

    TYPE: ClassVar = ToServer.WATCH
    tokens: tuple[bytes, ...] = wire(listed(binary(ids.TOKEN_BYTES), MAX_WATCH_PER_FRAME))


@dataclass(frozen=True, slots=True)
class DirectOffer:
    """Offer the link of a direct transaction; `proof` is for the contact alone."""

    TYPE: ClassVar = ToServer.DIRECT_OFFER
    tx: TransactionId = wire(transaction_id)
    id: OfferId = wire(offer_id)
    sdp: str = wire(sdp)
    proof: bytes = wire(proof)


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """Answer the offer of a direct link, named by its hop."""

    TYPE: ClassVar = ToServer.DIRECT_ANSWER
    hop: HopId = wire(hop_id)
    sdp: str = wire(sdp)
    proof: bytes = wire(proof)
