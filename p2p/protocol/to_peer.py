"""Frames from the server to a peer: a fact or an order.

Spec: docs/spec/signaling.md, section "Frames to the peer"
"""

from dataclasses import dataclass
from typing import ClassVar

from p2p.protocol import ids
from p2p.protocol.errors import BadFrame
from p2p.protocol.fields import (
    binary,
    binary_up_to,
    choice,
    flag,
    listed,
    number,
    optional,
    record,
    sdp,
    text,
    wire,
)
from p2p.protocol.ids import DeviceId, HopId, LinkId, OfferId, TransactionId
from p2p.protocol.limits import (
    FORWARDERS,
    HOPS,
    MAX_CONVERSATIONS,
    MAX_HELD_RECEIPTS,
    MAX_HOPS,
    MAX_OPEN_TRANSACTIONS,
)
from p2p.protocol.parts import (
    ConversationRevision,
    Credit,
    HeldReceipt,
    IceServer,
    Limits,
    OpenTransaction,
    Order,
    ReceiptEntry,
    attempt_number,
    attempts_so_far,
    device_id,
    hop_id,
    ice_server_list,
    link_id,
    need_content,
    offer_id,
    optional_credit,
    proof,
    receipt_entries,
    revision_number,
    signed_onion_key,
    transaction_id,
)
from p2p.protocol.words import Cause, EndState, How, SessionEndCause, ToPeer


def _need_places(incoming: Order, outgoing: Order) -> None:
    if incoming.how is How.TAKEN or outgoing.how is How.ANSWER:
        raise BadFrame("an order stands in the wrong place")


@dataclass(frozen=True, slots=True)
class Welcome:
    """Answer to `hello`."""

    TYPE: ClassVar = ToPeer.WELCOME
    versions: tuple[str, ...] = wire(listed(text, 4, at_least=1))
    ice_servers: tuple[IceServer, ...] = wire(ice_server_list)
    limits: Limits = wire(record(Limits))
    epoch: bytes = wire(binary(ids.EPOCH_BYTES))
    resume: bytes = wire(binary(ids.RESUME_BYTES))
    resumed: bool = wire(flag)


@dataclass(frozen=True, slots=True)
class IceServers:
    """The ICE servers from now on, in place of those of the welcome: their credentials end soon."""

    TYPE: ClassVar = ToPeer.ICE_SERVERS
    ice_servers: tuple[IceServer, ...] = wire(ice_server_list)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the server holds for this peer now."""

    TYPE: ClassVar = ToPeer.SNAPSHOT
    hops: tuple[HopId, ...] = wire(listed(hop_id, MAX_HOPS))
    transactions: tuple[OpenTransaction, ...] = wire(listed(record(OpenTransaction), MAX_OPEN_TRANSACTIONS))
    receipts: tuple[HeldReceipt, ...] = wire(listed(record(HeldReceipt), MAX_HELD_RECEIPTS))
    conversations: tuple[ConversationRevision, ...] = wire(
        listed(record(ConversationRevision), MAX_CONVERSATIONS)
    )


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard ticket and the order for a standing link; as long as a `ready_to_receive`."""

    TYPE: ClassVar = ToPeer.GUARD
    ticket: bytes = wire(binary_up_to(ids.TICKET_BYTES))
    in_: Order = wire(record(Order))
    out: Order = wire(record(Order))

    def __post_init__(self) -> None:
        _need_places(self.in_, self.out)


@dataclass(frozen=True, slots=True)
class OfferWanted:
    """Ask for one live offer: a path waits for it."""

    TYPE: ClassVar = ToPeer.OFFER_WANTED


@dataclass(frozen=True, slots=True)
class ReadyToReceive:
    """Order a peer to be ready for cells on two hops. Every peer of a path gets one of the same size."""

    TYPE: ClassVar = ToPeer.READY_TO_RECEIVE
    in_: Order = wire(record(Order))
    out: Order = wire(record(Order))

    def __post_init__(self) -> None:
        _need_places(self.in_, self.out)


@dataclass(frozen=True, slots=True)
class PathReady:
    """Tell the sender the keys and hop ids of its path."""

    TYPE: ClassVar = ToPeer.PATH_READY
    tx: TransactionId = wire(transaction_id)
    attempt: int = wire(attempt_number)
    device: DeviceId = wire(device_id)
    onion_key: bytes = wire(signed_onion_key)
    forwarders: tuple[bytes, ...] = wire(listed(binary(ids.ONION_KEY_BYTES), FORWARDERS, at_least=FORWARDERS))
    hops: tuple[HopId, ...] = wire(listed(hop_id, HOPS, at_least=HOPS))
    link: LinkId = wire(link_id)


@dataclass(frozen=True, slots=True)
class LinkDrop:
    """Order a peer to forget and close a link."""

    TYPE: ClassVar = ToPeer.LINK_DROP
    link: LinkId = wire(link_id)


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """Receipts or credit for the sender, named by its transaction."""

    TYPE: ClassVar = ToPeer.RECEIPT
    tx: TransactionId = wire(transaction_id)
    entries: tuple[ReceiptEntry, ...] = wire(receipt_entries)
    credit: Credit | None = wire(optional_credit)

    def __post_init__(self) -> None:
        need_content(self.entries, self.credit)


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """Tell the sender that an attempt is over and another follows."""

    TYPE: ClassVar = ToPeer.ATTEMPT_FAILED
    tx: TransactionId = wire(transaction_id)
    attempt: int = wire(attempts_so_far)
    cause: Cause = wire(choice(Cause))
    forwarders: int | None = wire(optional(number(0, FORWARDERS)))


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """Tell the sender that nothing more will come for a transaction."""

    TYPE: ClassVar = ToPeer.TRANSACTION_ENDED
    tx: TransactionId = wire(transaction_id)
    state: EndState = wire(choice(EndState))
    cause: Cause | None = wire(optional(choice(Cause)))


@dataclass(frozen=True, slots=True)
class ContactOnline:
    """Tell that the owner of a watched token came online; names the token by its digest."""

    TYPE: ClassVar = ToPeer.CONTACT_ONLINE
    token: bytes = wire(binary(ids.TOKEN_BYTES))


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Tell that a sealed envelope waits."""

    TYPE: ClassVar = ToPeer.MAILBOX


@dataclass(frozen=True, slots=True)
class Refresh:
    """Tell that a kept conversation changed."""

    TYPE: ClassVar = ToPeer.REFRESH
    conversation: DeviceId = wire(device_id)
    revision: int = wire(revision_number)


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """Tell that the login ended."""

    TYPE: ClassVar = ToPeer.SESSION_END
    cause: SessionEndCause = wire(choice(SessionEndCause))


@dataclass(frozen=True, slots=True)
class DirectAsked:
    """Tell that a contact offers a direct link: the one who is reached by the token with this digest."""

    TYPE: ClassVar = ToPeer.DIRECT_ASKED
    token: bytes = wire(binary(ids.TOKEN_BYTES))
    hop: HopId = wire(hop_id)
    sdp: str = wire(sdp)
    proof: bytes = wire(proof)


@dataclass(frozen=True, slots=True)
class DirectReady:
    """Tell the sender that its offer was answered: the device, the one hop, the answer and its proof."""

    TYPE: ClassVar = ToPeer.DIRECT_READY
    tx: TransactionId = wire(transaction_id)
    attempt: int = wire(attempt_number)
    device: DeviceId = wire(device_id)
    hop: HopId = wire(hop_id)
    offer: OfferId = wire(offer_id)
    sdp: str = wire(sdp)
    proof: bytes = wire(proof)
