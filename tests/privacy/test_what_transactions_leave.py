"""Rows of a transaction name nobody, and rows, keys and logs say nothing of it once it has ended.

Searched is for every id there is, in any spelling and in pieces of eight bytes.
"""

import json
import logging
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async

from mesa import store
from mesa.dumps import holding, naming_anybody, naming_two
from mesa.traces import pieces_in, pieces_of
from p2p.models import P2PPath, P2PTransaction
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import TransactionEnded
from p2p.protocol.to_server import Complete, HopFailed
from tests.p2p.peers import Network
from tests.p2p.scenes import OpenPath, open_path, take_path
from tests.p2p.worker import after
from tests.privacy.held import TABLES, dump, ids_of

MINUTE = datetime(2026, 1, 1, tzinfo=UTC)


async def end(path: OpenPath) -> None:
    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await path.sender.send(Complete(path.ready.tx))
    await path.sender.expect(TransactionEnded)


async def two_attempts(network: Network) -> tuple[OpenPath, OpenPath]:
    """A transaction that ended well with its second path, after a hop of the first one had failed."""
    first = await open_path(network, forwarders=5)
    await first.peers[1].send(HopFailed(first.ready.hops[1]))
    await first.peers[1].settled()
    second = await take_path(first.tx, first.sender, network.peers)
    await end(second)
    await after(3.5)
    return first, second


async def test_rows_name_nobody_while_the_path_is_open(network: Network) -> None:
    path = await open_path(network)
    links = [order.out.link for order in path.orders[:-1]]
    ids = [ident for peer in network.peers for ident in await ids_of(peer)]

    held = await dump()

    rows = {table: held[table] for table in TABLES}
    assert all(rows.values())
    assert naming_anybody(held, TABLES) == []
    assert holding(rows, ids=[*ids, *links, *path.ready.hops]) == []


async def test_no_row_and_no_key_names_two_users_after_the_end(network: Network) -> None:
    first, second = await two_attempts(network)

    held = await dump()

    assert naming_anybody(held, TABLES) == []
    assert naming_two(held) == []
    assert holding(held, ids=[*first.ready.hops, *second.ready.hops]) == []


async def test_no_key_holds_both_ends_by_any_of_their_names(network: Network) -> None:
    path = await open_path(network)
    await end(path)
    # By then nobody's coming online has still to be announced.
    await after(11)

    held = await dump()

    of_sender, of_receiver = [
        set(holding(held, ids=await ids_of(peer))) for peer in (path.sender, path.receiver)
    ]
    assert of_sender
    assert of_receiver
    assert of_sender & of_receiver == set()


async def test_no_log_line_holds_a_piece_of_an_id(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    first, second = await two_attempts(network)
    logging.getLogger("p2p").debug("still heard")

    assert "still heard" in caplog.text
    ids = [ident for peer in network.peers for ident in await ids_of(peer)]
    ids += [*first.ready.hops, *second.ready.hops, uuid.UUID(first.tx).bytes]
    pieces = frozenset[bytes]().union(*map(pieces_of, ids))
    assert [line for line in caplog.text.splitlines() if pieces & pieces_in(line)] == []


def write_path_row(ident: uuid.UUID) -> None:
    P2PPath.objects.create(id=ident, transaction=P2PTransaction.objects.get(), attempt=9, started=MINUTE)


def write_cause(text: str) -> None:
    P2PTransaction.objects.update(cause=text)


def write_key(name: str, text: str) -> None:
    store.client().set(store.key("seen", name), text, ex=60)


def half_and_half(ident: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(bytes=secrets.token_bytes(8) + ident.bytes[4:12])


Ids = tuple[uuid.UUID, uuid.UUID]
ROW_LEAKS: dict[str, Callable[[Ids], None]] = {
    "device of a forwarder as the row's id": lambda ids: write_path_row(ids[0]),
    "half of it as half of the row's id": lambda ids: write_path_row(half_and_half(ids[0])),
    "half of it as the cause": lambda ids: write_cause(b64_text(ids[0].bytes[:8])),
}
KEY_LEAKS: dict[str, Callable[[Ids], None]] = {
    "two users": lambda ids: write_key("x", f"{ids[0]} {ids[1]}"),
    "one in the name, one in the value": lambda ids: write_key(ids[0].hex, b64_text(ids[1].bytes)),
    "pieces of two": lambda ids: write_key("x", (ids[0].bytes[:8] + ids[1].bytes[8:]).hex()),
    "pieces as numbers": lambda ids: write_key(
        "x", json.dumps([int.from_bytes(each.bytes[2:10], "big") for each in ids])
    ),
}


@pytest.mark.parametrize("leak", ROW_LEAKS)
async def test_leak_into_a_row_would_be_seen(network: Network, leak: str) -> None:
    path = await open_path(network)
    forwarder, receiver = path.forwarders[0], path.receiver

    await sync_to_async(ROW_LEAKS[leak])((uuid.UUID(forwarder.device), uuid.UUID(receiver.user)))

    assert naming_anybody(await dump(), TABLES)


@pytest.mark.parametrize("leak", KEY_LEAKS)
async def test_leak_into_a_key_would_be_seen(network: Network, leak: str) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")

    await sync_to_async(KEY_LEAKS[leak])((uuid.UUID(ada.device), uuid.UUID(bo.user)))

    assert naming_two(await dump())
