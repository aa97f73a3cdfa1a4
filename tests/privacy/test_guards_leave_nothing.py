"""Who has whom as a guard stands in no row at all, and in the store only as long as the socket, and sealed.

Searched is for every id there is, in any spelling and in pieces of eight bytes.
"""

import logging

import pytest
from asgiref.sync import sync_to_async

from mesa import store
from mesa.dumps import STORE, Dump, holding, naming_two, take_dump
from mesa.traces import pieces_in, pieces_of
from p2p import store_keys
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.to_server import Complete
from p2p.records import LinkKey
from tests.p2p.guard_scenes import ENOUGH, handle_of, online_with, open_standing, tickets_for, with_guards
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import send_to, take_path
from tests.p2p.worker import after

# These list many, each for itself.
LISTS = {f"store {name}" for name in (store_keys.FORWARDERS, "mesa:deadlines", store_keys.NETWORKS)}


async def dump() -> Dump:
    return await sync_to_async(take_dump)()


async def ids_of(peer: TestPeer) -> list[bytes]:
    login = peer.login.login
    return [login.user_id.bytes, login.device_id.bytes, login.sid.bytes, b64_bytes(await handle_of(peer))]


def naming_both(held: Dump, one: list[bytes], other: list[bytes]) -> set[str]:
    """Rows and keys that hold ids of both."""
    return set(holding(held, ids=one)) & set(holding(held, ids=other))


async def test_no_row_changes_when_guards_are_given(network: Network) -> None:
    await network.forwarders(ENOUGH)
    ada = await network.connect(await network.login("ada"))
    await ada.greet()
    before = await dump()

    await ada.publish()
    after_it = await dump()

    assert await store.async_client().hlen(store_keys.tickets(await handle_of(ada))) == 2
    del before[STORE], after_it[STORE]
    assert before == after_it


async def test_while_the_socket_lives_only_links_name_device_and_guard(network: Network) -> None:
    ada, _, guards, _ = await with_guards(network)

    held = await dump()

    of_ada, of_guards = await ids_of(ada), [ident for guard in guards for ident in await ids_of(guard)]
    together = naming_both(held, of_ada, of_guards)
    # What any link between two peers leaves.
    assert {name for name in together - LISTS if not name.startswith("store mesa:link")} == set()
    assert naming_two(held) == []


async def test_a_ticket_in_the_store_names_nobody(network: Network) -> None:
    ada, _, guards, _ = await with_guards(network)

    texts = await store.async_client().hkeys(store_keys.tickets(await handle_of(ada)))

    ids = [ident for peer in (ada, *guards) for ident in await ids_of(peer)]
    pieces = frozenset[bytes]().union(*map(pieces_of, ids))
    assert len(texts) == 2
    assert [text for text in texts if pieces & pieces_in(text)] == []


async def test_after_the_socket_nothing_names_device_and_guard(network: Network) -> None:
    ada, _, guards, frames = await with_guards(network)
    for guard, frame in zip(guards, frames, strict=True):
        await open_standing(ada, guard, frame)
    of_ada, of_guards = await ids_of(ada), [ident for guard in guards for ident in await ids_of(guard)]
    handle = await handle_of(ada)

    await ada.close()
    await after(3.5)

    held = await dump()
    together = naming_both(held, of_ada, of_guards)
    assert together - LISTS == set()
    # What is sealed goes with the record that a socket may resume.
    assert 0 < await store.async_client().ttl(store_keys.tickets(handle)) <= 90


async def test_a_link_that_never_opened_is_forgotten_in_seconds(network: Network) -> None:
    _, _, _, frames = await with_guards(network)

    names = [store_keys.link(LinkKey(b64_text(frame.out.link))) for frame in frames]

    assert len(names) == 2
    for name in names:
        assert 0 < await store.async_client().ttl(name) <= 20


async def test_after_a_transaction_nothing_holds_its_tickets(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await online_with(network, "ada", crowd[0:2])
    bo = await online_with(network, "bo", crowd[2:4])
    shown = tickets_for(ada, crowd[0:2])
    tx_key = await send_to(ada, bo.login, tickets=shown)
    texts = [b64_text(ticket) for ticket in shown]
    assert holding(await dump(), texts=texts) == [f"store {store_keys.tx(tx_key)}"]

    path = await take_path(tx_key, ada, network.peers)
    await ada.send(Complete(path.ready.tx))
    await ada.settled()

    assert holding(await dump(), texts=texts) == []


async def test_no_log_line_names_a_guard_or_holds_a_ticket(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    ada, _, guards, frames = await with_guards(network)
    bo = await network.online("bo")
    await take_path(await send_to(ada, bo.login), ada, network.peers)
    await guards[0].close()
    await after(3.5)
    logging.getLogger("p2p").debug("still heard")

    ids = [ident for peer in (ada, *guards[1:]) for ident in await ids_of(peer)]
    ids += [frame.ticket for frame in frames]
    pieces = frozenset[bytes]().union(*map(pieces_of, ids))
    assert "still heard" in caplog.text
    assert [line for line in caplog.text.splitlines() if pieces & pieces_in(line)] == []
