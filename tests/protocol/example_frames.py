"""One or more good frames of every type, in the order of the spec."""

import uuid

from p2p.protocol import frames, to_peer, to_server
from p2p.protocol.ids import DeviceId, HopId, LinkId, OfferId, StreamId, TransactionId
from p2p.protocol.parts import (
    LIMITS,
    Capabilities,
    ConversationRevision,
    Credit,
    HeldReceipt,
    IceServer,
    OpenTransaction,
    Order,
    ReceiptEntry,
    StockOffer,
)
from p2p.protocol.words import Cause, EndState, How, Nat, SessionEndCause, TransactionState
from tests.protocol.vector_files import drawn

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
LONGEST_SDP = "v=0\r\n" + "~" * 5_993
TX = TransactionId(uuid.UUID("6f0c1f9e-1c7d-4c4b-9b1e-5a1d3a0a7c11"))
DEVICE = DeviceId(uuid.UUID("b7a3e5d2-0f64-4e7b-8a55-1c0f2b9d4e22"))
CONVERSATION = DeviceId(uuid.UUID("2d9b8c4a-7e31-4a0f-b2c6-93f1d07a5b33"))
ONION_KEY = drawn("onion key", 117)
HOP = HopId(drawn("hop", 8))
LINK = LinkId(drawn("link", 16))
OFFER = OfferId(drawn("offer", 8))
ENTRY = ReceiptEntry(drawn("digest", 16), drawn("mac", 16))
PROOF = drawn("proof", 32)
CREDIT = Credit(StreamId(drawn("stream", 8)), 7)
OPEN = Order(HopId(drawn("hop 2", 8)), LinkId(drawn("link 2", 16)), How.OPEN, None, None)
TO_ANSWER = Order(HOP, LINK, How.ANSWER, SDP, None)
TAKEN = Order(HopId(drawn("hop 3", 8)), LinkId(drawn("link 3", 16)), How.TAKEN, None, OFFER)


def _many(name: str, size: int, count: int) -> tuple[bytes, ...]:
    return tuple(drawn(f"{name} {index}", size) for index in range(count))


def _links(count: int) -> tuple[LinkId, ...]:
    return tuple(map(LinkId, _many("link", 16, count)))


TO_SERVER: dict[str, frames.FrameToServer] = {
    "hello, first ever": to_server.Hello(None, None, ()),
    "hello, resuming with links": to_server.Hello(drawn("resume", 32), drawn("epoch", 16), _links(2)),
    "hello, as many links as allowed": to_server.Hello(None, drawn("epoch", 16), _links(64)),
    "ice_client, empty stock": to_server.IceClient(ONION_KEY, Capabilities(False), Nat.UNKNOWN, (), ()),
    "ice_client, stock and tickets": to_server.IceClient(
        ONION_KEY, Capabilities(True), Nat.CONE, (StockOffer(OFFER, SDP),), _many("ticket", 120, 2)
    ),
    "ice_client, all at their limits": to_server.IceClient(
        ONION_KEY,
        Capabilities(True),
        Nat.SYMMETRIC,
        tuple(StockOffer(OfferId(raw), LONGEST_SDP) for raw in _many("offer", 8, 8)),
        _many("ticket", 512, 5),
    ),
    "ice_client, open network": to_server.IceClient(ONION_KEY, Capabilities(True), Nat.OPEN, (), ()),
    "offer": to_server.Offer(OFFER, SDP),
    "offer, longest description": to_server.Offer(OFFER, LONGEST_SDP),
    "answer": to_server.Answer(LINK, SDP),
    "link_up": to_server.LinkUp(LINK),
    "link_down": to_server.LinkDown(LINK),
    "hop_failed": to_server.HopFailed(HOP),
    "receipt, one entry": to_server.Receipt(HOP, (ENTRY,), None),
    "receipt, credit only": to_server.Receipt(HOP, (), CREDIT),
    "receipt, 64 entries and credit": to_server.Receipt(HOP, (ENTRY,) * 64, Credit(CREDIT.stream, 65_535)),
    "complete": to_server.Complete(TX),
    "repath, first attempt": to_server.Repath(TX, 1),
    "repath, last attempt": to_server.Repath(TX, 65_535),
    "path_keepalive": to_server.PathKeepalive(TX),
    "watch, nothing": to_server.Watch(()),
    "watch, two tokens": to_server.Watch(_many("token", 32, 2)),
    "watch, as many tokens as allowed": to_server.Watch(_many("token", 32, 256)),
    "direct_offer": to_server.DirectOffer(TX, OFFER, SDP, PROOF),
    "direct_offer, longest description": to_server.DirectOffer(TX, OFFER, LONGEST_SDP, PROOF),
    "direct_answer": to_server.DirectAnswer(HOP, SDP, PROOF),
}
TO_PEER: dict[str, frames.FrameToPeer] = {
    "welcome, no ICE server": to_peer.Welcome(
        ("mesa.1",), (), LIMITS, drawn("epoch", 16), drawn("resume", 32), False
    ),
    "welcome, resumed, with ICE servers": to_peer.Welcome(
        ("mesa.1", "mesa.2"),
        (
            IceServer(("stun:stun.example.org:3478",), None, None),
            IceServer(("turn:turn.example.org:3478?transport=udp",), "1760000000", "c2VjcmV0"),
        ),
        LIMITS,
        drawn("epoch", 16),
        drawn("resume", 32),
        True,
    ),
    "ice_servers, none": to_peer.IceServers(()),
    "ice_servers, new credentials": to_peer.IceServers(
        (
            IceServer(("stun:stun.example.org:3478",), None, None),
            IceServer(("turns:turn.example.org:5349",), "1760000400", "bmV3"),
        )
    ),
    "snapshot, empty": to_peer.Snapshot((), (), (), ()),
    "snapshot, something of each": to_peer.Snapshot(
        (HOP, OPEN.hop),
        tuple(OpenTransaction(TX, state, attempt) for attempt, state in enumerate(TransactionState)),
        (HeldReceipt(TX, (ENTRY,), None), HeldReceipt(TX, (), CREDIT)),
        (ConversationRevision(CONVERSATION, 2**53 - 1), ConversationRevision(DEVICE, 0)),
    ),
    "guard, our offer was taken": to_peer.Guard(drawn("ticket", 120), OPEN, TAKEN),
    "guard, an offer to answer, longest ticket": to_peer.Guard(drawn("ticket", 512), TO_ANSWER, OPEN),
    "offer_wanted": to_peer.OfferWanted(),
    "ready_to_receive, both links open": to_peer.ReadyToReceive(
        in_=Order(HOP, LINK, How.OPEN, None, None), out=OPEN
    ),
    "ready_to_receive, incoming link new": to_peer.ReadyToReceive(in_=TO_ANSWER, out=OPEN),
    "ready_to_receive, both links new": to_peer.ReadyToReceive(in_=TO_ANSWER, out=TAKEN),
    "ready_to_receive, outgoing link new": to_peer.ReadyToReceive(in_=OPEN, out=TAKEN),
    "ready_to_receive, longest description": to_peer.ReadyToReceive(
        in_=Order(HOP, LINK, How.ANSWER, LONGEST_SDP, None), out=TAKEN
    ),
    "path_ready": to_peer.PathReady(
        TX,
        1,
        DEVICE,
        ONION_KEY,
        _many("forwarder", 32, 3),
        tuple(map(HopId, _many("hop", 8, 4))),
        LINK,
    ),
    "answer": to_server.Answer(LINK, SDP),
    "link_drop": to_peer.LinkDrop(LINK),
    "receipt, one entry": to_peer.TransactionReceipt(TX, (ENTRY,), None),
    "receipt, credit only": to_peer.TransactionReceipt(TX, (), CREDIT),
    "receipt, both": to_peer.TransactionReceipt(TX, (ENTRY, ENTRY), CREDIT),
    "attempt_failed, too few forwarders": to_peer.AttemptFailed(TX, 0, Cause.TOO_FEW_FORWARDERS, 2),
    **{
        f"attempt_failed, {cause.value}": to_peer.AttemptFailed(TX, 6, cause, None)
        for cause in Cause
        if cause is not Cause.TOO_FEW_FORWARDERS
    },
    "transaction_ended, completed": to_peer.TransactionEnded(TX, EndState.COMPLETED, None),
    "transaction_ended, failed": to_peer.TransactionEnded(TX, EndState.FAILED, Cause.NO_RECEIPT),
    "contact_online": to_peer.ContactOnline(drawn("token", 32)),
    "mailbox": to_peer.Mailbox(),
    "refresh": to_peer.Refresh(CONVERSATION, 41),
    **{f"session_end, {cause.value}": to_peer.SessionEnd(cause) for cause in SessionEndCause},
    "direct_asked": to_peer.DirectAsked(drawn("token", 32), HOP, SDP, PROOF),
    "direct_ready": to_peer.DirectReady(TX, 1, DEVICE, HOP, OFFER, SDP, PROOF),
    "direct_ready, longest description": to_peer.DirectReady(TX, 1, DEVICE, HOP, OFFER, LONGEST_SDP, PROOF),
}
