"""Who sees the encrypted socket of a peer sees sizes: those of regular frames are the same in every role."""

import itertools

import pytest

from p2p.protocol.frames import parse_to_peer, to_text
from p2p.protocol.ids import HopId, LinkId, OfferId
from p2p.protocol.limits import FRAME_STEP_BYTES
from p2p.protocol.parts import Capabilities, HeldReceipt, OpenTransaction, ReceiptEntry, StockOffer
from p2p.protocol.to_peer import Snapshot, TransactionReceipt
from p2p.protocol.to_server import Hello, IceClient, Receipt
from p2p.protocol.words import Nat, TransactionState
from tests.p2p.peers import WAIT_S, Network, TestPeer
from tests.p2p.scenes import OpenPath, open_path
from tests.protocol.example_frames import ENTRY, TX

ONE_STEP = {FRAME_STEP_BYTES}
ROLES = ("sender", "first", "second", "third", "receiver")
USUAL_HOPS, USUAL_TRANSACTIONS = 64, 64
# An agent's description with a private, a public and an IPv6 address has about 1,100 characters.
LONG_DESCRIPTION = "a=candidate 1 udp 2130706431\r\n" * 60


def numbered(size: int, count: int) -> list[bytes]:
    return [number.to_bytes(size, "big") for number in range(count)]


async def beat(peer: TestPeer) -> tuple[int, int, Snapshot]:
    """Send a heartbeat; returns its size, and the answer's size and content."""
    heartbeat = to_text(
        IceClient(peer.onion_key, Capabilities(peer.forward), Nat.UNKNOWN, peer.offers, tickets=())
    )
    await peer.socket.send_to(text_data=heartbeat)
    while True:
        text = await peer.socket.receive_from(timeout=WAIT_S)
        frame = parse_to_peer(text)
        if isinstance(frame, Snapshot):
            return len(heartbeat), len(text), frame


async def send_receipts(path: OpenPath, count: int) -> None:
    for _ in range(count):
        await path.receiver.send(path.receipt())
    await path.receiver.settled()


async def test_heartbeats_and_their_answers_have_one_size_in_every_role(network: Network) -> None:
    path = await open_path(network)
    bystander = await network.online("olga")
    await send_receipts(path, 80)

    beats = [await beat(peer) for peer in (*path.peers, bystander)]

    assert {size for sent, answered, _ in beats for size in (sent, answered)} == ONE_STEP
    said = [(len(each.hops), len(each.transactions), bool(each.receipts)) for *_, each in beats]
    assert said == [(1, 1, True), (2, 0, False), (2, 0, False), (2, 0, False), (1, 0, False), (0, 0, False)]


@pytest.mark.parametrize("offers", [0, 1, 4])
@pytest.mark.parametrize("forward", [True, False])
def test_a_heartbeat_does_not_tell_by_its_size_what_is_in_it(offers: int, forward: bool) -> None:
    stock = tuple(StockOffer(OfferId(raw), LONG_DESCRIPTION) for raw in numbered(8, offers))

    text = to_text(IceClient(bytes(117), Capabilities(forward), Nat.SYMMETRIC, stock, tickets=()))

    assert len(text) == FRAME_STEP_BYTES


def test_a_snapshot_does_not_tell_by_its_size_what_is_in_it() -> None:
    hops = tuple(HopId(raw) for raw in numbered(8, USUAL_HOPS))
    transactions = (OpenTransaction(TX, TransactionState.WAITING, 65_535),) * USUAL_TRANSACTIONS
    held = (HeldReceipt(TX, (ENTRY,), None),)

    sizes = {
        len(to_text(Snapshot(hops[:forwarded], transactions[:sent], held[:receipted], ())))
        for forwarded, sent, receipted in itertools.product((0, 1, 2, 64), (0, 1, 64), (0, 1))
    }

    assert sizes == ONE_STEP


def test_a_greeting_does_not_tell_by_its_size_how_many_links_a_peer_has() -> None:
    links = tuple(LinkId(raw) for raw in numbered(16, 64))
    tokens: list[tuple[bytes | None, bytes | None]] = [(None, None), (bytes(32), bytes(16))]

    sizes = {len(to_text(Hello(*each, links[:count]))) for count in (0, 1, 4, 64) for each in tokens}

    assert sizes == ONE_STEP


async def test_what_a_role_is_told_beyond_its_order_is_what_the_threat_model_names(network: Network) -> None:
    """T-22: only the sender gets frames that the others do not get."""
    path = await open_path(network)
    entries = tuple(ReceiptEntry(raw, raw) for raw in numbered(16, 2))
    await path.receiver.send(Receipt(path.ready.hops[-1], entries, None))
    await path.receiver.settled()

    told = {role: await peer.everything() for role, peer in zip(ROLES, path.peers, strict=True)}

    assert {role: [type(frame) for frame in frames] for role, frames in told.items()} == {
        "sender": [TransactionReceipt],
        "first": [],
        "second": [],
        "third": [],
        "receiver": [],
    }
    assert {len(to_text(order)) for order in path.orders} == ONE_STEP
