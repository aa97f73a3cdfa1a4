"""Hypothesis strategies for every frame of the session socket."""

from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from p2p.protocol import frames, ids, to_peer, to_server
from p2p.protocol.fields import MAX_REVISION
from p2p.protocol.ids import DeviceId, HopId, LinkId, OfferId, StreamId, TransactionId
from p2p.protocol.limits import FORWARDERS, HOPS, MAX_ATTEMPT, MAX_INDEX, MAX_OFFERS, MAX_SERVER_LIMIT
from p2p.protocol.parts import (
    Capabilities,
    ConversationRevision,
    Credit,
    HeldReceipt,
    IceServer,
    Limits,
    OpenTransaction,
    Order,
    ReceiptEntry,
    StockOffer,
)
from p2p.protocol.words import Cause, EndState, How, Nat, SessionEndCause, TransactionState

T = TypeVar("T")

# No deadline: a loaded machine is not a failure.
quick = settings(max_examples=30)
thorough = settings(max_examples=20_000)


def several(items: st.SearchStrategy[T], at_least: int = 0) -> st.SearchStrategy[tuple[T, ...]]:
    """Tuples as small as every list of the protocol may be; the upper bounds have vectors of their own."""
    return st.lists(items, min_size=at_least, max_size=4).map(tuple)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


links = exactly(ids.LINK_ID_BYTES).map(LinkId)
hops = exactly(ids.HOP_ID_BYTES).map(HopId)
offers = exactly(ids.OFFER_ID_BYTES).map(OfferId)
transactions = st.uuids(version=4).map(TransactionId)
devices = st.uuids(version=4).map(DeviceId)
onion_keys = exactly(ids.SIGNED_ONION_KEY_BYTES)
bare_onion_keys = exactly(ids.ONION_KEY_BYTES)
tickets = st.binary(min_size=1, max_size=ids.TICKET_BYTES)
tokens = exactly(ids.TOKEN_BYTES)
epochs = exactly(ids.EPOCH_BYTES)
resumes = exactly(ids.RESUME_BYTES)
descriptions = st.text(st.sampled_from([chr(code) for code in range(32, 127)] + ["\r", "\n"]), min_size=1)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
attempts = st.integers(1, MAX_ATTEMPT)
attempts_so_far = st.integers(0, MAX_ATTEMPT)
revisions = st.integers(0, MAX_REVISION)
entries = several(st.builds(ReceiptEntry, exactly(ids.DIGEST_BYTES), exactly(ids.MAC_BYTES)))
credits_ = st.builds(Credit, exactly(ids.STREAM_ID_BYTES).map(StreamId), st.integers(0, MAX_INDEX))
receipt_contents = st.tuples(entries, st.none() | credits_).filter(lambda content: content != ((), None))
in_orders = st.builds(Order, hops, links, st.just(How.ANSWER), descriptions, st.none())
out_orders = st.builds(Order, hops, links, st.just(How.TAKEN), st.none(), offers)
open_orders = st.builds(Order, hops, links, st.just(How.OPEN), st.none(), st.none())
counts = st.integers(1, MAX_SERVER_LIMIT)
limits = st.builds(Limits, counts, counts, st.integers(1, MAX_OFFERS), counts, counts)
ice_servers = st.builds(IceServer, several(texts, 1), st.none() | texts, st.none() | texts)

TO_SERVER: dict[str, st.SearchStrategy[frames.FrameToServer]] = {
    "hello": st.builds(to_server.Hello, st.none() | resumes, st.none() | epochs, several(links)),
    "ice_client": st.builds(
        to_server.IceClient,
        onion_keys,
        st.builds(Capabilities, st.booleans()),
        st.sampled_from(Nat),
        several(st.builds(StockOffer, offers, descriptions)),
        several(tickets),
    ),
    "offer": st.builds(to_server.Offer, offers, descriptions),
    "answer": st.builds(to_server.Answer, links, descriptions),
    "link_up": st.builds(to_server.LinkUp, links),
    "link_down": st.builds(to_server.LinkDown, links),
    "hop_failed": st.builds(to_server.HopFailed, hops),
    "receipt": st.builds(lambda hop, content: to_server.Receipt(hop, *content), hops, receipt_contents),
    "complete": st.builds(to_server.Complete, transactions),
    "repath": st.builds(to_server.Repath, transactions, attempts),
    "path_keepalive": st.builds(to_server.PathKeepalive, transactions),
    "watch": st.builds(to_server.Watch, several(tokens)),
}
TO_PEER: dict[str, st.SearchStrategy[frames.FrameToPeer]] = {
    "welcome": st.builds(
        to_peer.Welcome,
        several(texts, 1),
        several(ice_servers),
        limits,
        epochs,
        resumes,
        st.booleans(),
    ),
    "ice_servers": st.builds(to_peer.IceServers, several(ice_servers, 4)),
    "snapshot": st.builds(
        to_peer.Snapshot,
        several(hops),
        several(st.builds(OpenTransaction, transactions, st.sampled_from(TransactionState), attempts_so_far)),
        several(st.builds(lambda tx, content: HeldReceipt(tx, *content), transactions, receipt_contents)),
        several(st.builds(ConversationRevision, devices, revisions)),
    ),
    "guard": st.builds(to_peer.Guard, tickets, in_orders | open_orders, out_orders | open_orders),
    "offer_wanted": st.just(to_peer.OfferWanted()),
    "ready_to_receive": st.builds(to_peer.ReadyToReceive, in_orders | open_orders, out_orders | open_orders),
    "path_ready": st.builds(
        to_peer.PathReady,
        transactions,
        attempts,
        devices,
        onion_keys,
        st.tuples(*[bare_onion_keys] * FORWARDERS),
        st.tuples(*[hops] * HOPS),
        links,
    ),
    "answer": st.builds(to_server.Answer, links, descriptions),
    "link_drop": st.builds(to_peer.LinkDrop, links),
    "receipt": st.builds(
        lambda tx, content: to_peer.TransactionReceipt(tx, *content), transactions, receipt_contents
    ),
    "attempt_failed": st.builds(
        to_peer.AttemptFailed,
        transactions,
        attempts_so_far,
        st.sampled_from(Cause),
        st.none() | st.integers(0, FORWARDERS),
    ),
    "transaction_ended": st.builds(
        to_peer.TransactionEnded, transactions, st.sampled_from(EndState), st.none() | st.sampled_from(Cause)
    ),
    "contact_online": st.builds(to_peer.ContactOnline, tokens),
    "mailbox": st.just(to_peer.Mailbox()),
    "refresh": st.builds(to_peer.Refresh, devices, revisions),
    "session_end": st.builds(to_peer.SessionEnd, st.sampled_from(SessionEndCause)),
}
