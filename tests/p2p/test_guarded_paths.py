"""Paths go by the guards of both ends, or wait. Spec: docs/spec/guards.md, section "Binding a path" """

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from mesa import store
from p2p import guarding, path_store, roster, store_keys
from p2p.protocol.to_peer import AttemptFailed, PathReady
from p2p.protocol.to_server import Complete, HopFailed, Repath
from p2p.protocol.words import Cause
from p2p.surveying import Scope, survey
from tests.p2p.guard_scenes import (
    ENOUGH,
    come_online,
    guarded_path,
    guards_of,
    handle_of,
    named,
    online_with,
    show,
    ticket_for,
    tickets_for,
)
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import OpenPath, send_to, take_path
from tests.p2p.worker import RNG, after


async def paths_of(path: OpenPath, network: Network, count: int) -> list[OpenPath]:
    """More paths of the same transaction, each asked for by its sender."""
    paths = [path]
    for _ in range(count):
        await path.sender.send(Repath(path.ready.tx, paths[-1].ready.attempt))
        await path.sender.settled()
        await after(4.1)
        paths.append(await take_path(path.tx, path.sender, network.peers))
    return paths


async def test_every_path_goes_by_guards_of_both_ends(network: Network) -> None:
    path = await guarded_path(network)
    crowd = network.peers[:ENOUGH]

    paths = await paths_of(path, network, 3)

    for each in paths:
        assert each.forwarders[0] in crowd[0:2]
        assert each.forwarders[1] in crowd[4:6]
        assert each.forwarders[2] in crowd[2:4]


async def test_after_a_failure_the_other_guard_takes_the_place(network: Network) -> None:
    path = await guarded_path(network)

    first, second = await paths_of(path, network, 1)

    assert first.forwarders[0] is not second.forwarders[0]
    assert first.forwarders[2] is not second.forwarders[2]


async def test_a_failed_hop_elsewhere_moves_no_guard_out_of_the_two(network: Network) -> None:
    path = await guarded_path(network)
    crowd = network.peers[:ENOUGH]

    for _ in range(3):
        await path.peers[1].send(HopFailed(path.ready.hops[1]))
        await path.peers[1].settled()
        await after(4.1)
        path = await take_path(path.tx, path.sender, network.peers)
        assert path.forwarders[0] in crowd[0:2]
        assert path.forwarders[2] in crowd[2:4]


async def close_all(peers: list[TestPeer]) -> None:
    for peer in peers:
        await peer.close()
    await after(3.5)


@pytest.mark.parametrize("end", ["sender", "receiver"])
async def test_while_both_guards_are_away_a_path_waits_whatever_others_there_are(
    network: Network, end: str
) -> None:
    crowd = await network.forwarders(ENOUGH + 3)
    ada = await online_with(network, "ada", crowd[0:2])
    bo = await online_with(network, "bo", crowd[2:4])
    await close_all(crowd[0:2] if end == "sender" else crowd[2:4])
    # Somebody who would have to be asked for an offer is no help.
    await store.async_client().delete(store_keys.offers(await handle_of(crowd[-1])))

    tx_key = await send_to(ada, bo.login)

    failed = await ada.expect(AttemptFailed)
    assert (failed.cause, failed.forwarders) == (Cause.TOO_FEW_FORWARDERS, 2)
    assert await ada.find(PathReady) is None
    back = await network.connect((crowd[0] if end == "sender" else crowd[2]).login)
    await back.greet()
    await back.publish(forward=True)
    await after(2.5)
    path = await take_path(tx_key, ada, [peer for peer in network.peers if not peer.is_closed])
    assert path.forwarders[0 if end == "sender" else 2] is back


async def test_one_guard_that_is_there_is_enough(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada, bo = await online_with(network, "ada", crowd[0:2]), await online_with(network, "bo", crowd[2:4])
    await close_all([crowd[0], crowd[3]])

    tx_key = await send_to(ada, bo.login)

    path = await take_path(tx_key, ada, [peer for peer in network.peers if not peer.is_closed])
    assert (path.forwarders[0], path.forwarders[2]) == (crowd[1], crowd[2])


async def test_tickets_of_the_transaction_bind_its_sender(network: Network) -> None:
    # Young when ada came, so her socket knows no guards; tickets of an earlier day she has.
    crowd = await network.forwarders(4)
    ada, bo = await network.online("ada"), await network.online("bo")
    assert await guards_of(ada) == []

    for guard in crowd[:3]:
        tx_key = await send_to(ada, bo.login, tickets=[ticket_for(ada, guard)])
        path = await take_path(tx_key, ada, network.peers)
        assert path.forwarders[0] is guard
        await ada.send(Complete(path.ready.tx))


async def test_tickets_of_another_device_bind_nobody(network: Network) -> None:
    crowd = await network.forwarders(4)
    ada, bo = await network.online("ada"), await network.online("bo")
    await crowd[0].close()

    tx_key = await send_to(ada, bo.login, tickets=[ticket_for(bo, crowd[0]), b"\x01" * 73])

    assert (await take_path(tx_key, ada, [ada, bo, *crowd[1:]])).ready.attempt == 1


async def test_a_sender_can_not_choose_who_stands_next_to_the_receiver(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada, bo = await online_with(network, "ada", crowd[0:2]), await online_with(network, "bo", crowd[2:4])

    tx_key = await send_to(ada, bo.login, tickets=[ticket_for(bo, crowd[5]), ticket_for(ada, crowd[5])])
    path = await take_path(tx_key, ada, network.peers)

    for each in await paths_of(path, network, 3):
        assert each.forwarders[2] in crowd[2:4]


async def test_who_came_just_now_has_guards_before_its_first_path(network: Network) -> None:
    crowd = await network.forwarders(4)
    ada, bo = await network.online("ada"), await network.online("bo")
    # They came when the network was young, and nobody has looked since.
    crowd += [await network.online(name, forward=True) for name in ("olga", "mallory")]
    for peer in (ada, bo):
        await forget_look(peer)

    tx_key = await send_to(ada, bo.login)

    path = await take_path(tx_key, ada, network.peers)
    assert path.forwarders[0] in named(await guards_of(ada), ada, crowd)
    assert path.forwarders[2] in named(await guards_of(bo), bo, crowd)


async def forget_look(peer: TestPeer) -> None:
    await store.async_client().hdel(store_keys.peer(await handle_of(peer)), "guarded")


async def test_a_guard_that_is_the_receiver_is_none_on_that_path(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada, bo = [await network.connect(await network.login(name)) for name in ("ada", "bo")]
    await come_online(bo, crowd[1:3], forward=True)
    await come_online(ada, [bo, crowd[0]])

    tx_key = await send_to(ada, bo.login)

    assert (await take_path(tx_key, ada, network.peers)).forwarders[0] is crowd[0]


async def in_conflict(network: Network) -> tuple[TestPeer, TestPeer, list[TestPeer]]:
    """ada's guards are bo and f1, bo's are ada and f1: no path leads from one to the other."""
    crowd = await network.forwarders(ENOUGH)
    ada, bo = [await network.connect(await network.login(name)) for name in ("ada", "bo")]
    await come_online(ada, [bo, crowd[0]], forward=True)
    await come_online(bo, [ada, crowd[0]], forward=True)
    for peer in (ada, bo):
        await guards_of(peer)
    return ada, bo, crowd


async def test_in_a_conflict_the_sender_is_given_one_more_guard_and_the_receiver_none(
    network: Network,
) -> None:
    ada, bo, crowd = await in_conflict(network)

    tx_key = await send_to(ada, bo.login)
    await ada.expect(AttemptFailed)
    (frame,) = [frame for frame in await guards_of(ada) if frame.ticket not in ada.tickets]
    await after(2.1)

    path = await take_path(tx_key, ada, network.peers)
    assert path.forwarders[0] is named([frame], ada, crowd)[0]
    assert path.forwarders[2] is crowd[0]
    assert {frame.ticket for frame in await guards_of(bo)} <= set(bo.tickets)


@pytest.mark.parametrize("end", ["sender", "receiver"])
async def test_whose_guard_is_the_other_end_gets_one_more_while_its_other_is_away(
    network: Network, end: str
) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada, bo = [await network.connect(await network.login(name)) for name in ("ada", "bo")]
    of_ada, of_bo = ([bo, crowd[0]], crowd[1:3]) if end == "sender" else (crowd[1:3], [ada, crowd[0]])
    await come_online(ada, of_ada, forward=True)
    await come_online(bo, of_bo, forward=True)
    await close_all([crowd[0]])
    helped, place = (ada, 0) if end == "sender" else (bo, 2)
    await guards_of(helped)

    tx_key = await send_to(ada, bo.login)
    (frame,) = [frame for frame in await guards_of(helped) if frame.ticket not in helped.tickets]
    await after(2.1)

    path = await take_path(tx_key, ada, [peer for peer in network.peers if not peer.is_closed])
    assert path.forwarders[place] is named([frame], helped, crowd)[0]


async def test_while_a_guard_is_away_a_conflict_gives_nobody_another(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await online_with(network, "ada", crowd[0:2])
    bo = await online_with(network, "bo", [crowd[0], crowd[5]])
    await close_all([crowd[1], crowd[5]])
    await guards_of(ada)

    await send_to(ada, bo.login)

    assert (await ada.expect(AttemptFailed)).cause is Cause.TOO_FEW_FORWARDERS
    assert {frame.ticket for frame in await guards_of(ada)} <= set(ada.tickets)


async def test_who_shares_both_guards_with_the_receiver_gets_one_more_while_one_of_them_is_away(
    network: Network,
) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada, bo = [await online_with(network, name, crowd[0:2]) for name in ("ada", "bo")]
    await close_all([crowd[1]])
    for peer in (ada, bo):
        await guards_of(peer)

    tx_key = await send_to(ada, bo.login)
    await ada.expect(AttemptFailed)
    (frame,) = [frame for frame in await guards_of(ada) if frame.ticket not in ada.tickets]
    await after(2.1)

    path = await take_path(tx_key, ada, [peer for peer in network.peers if not peer.is_closed])
    assert path.forwarders[0] is named([frame], ada, crowd)[0]
    assert path.forwarders[2] is crowd[0]
    assert {frame.ticket for frame in await guards_of(bo)} <= set(bo.tickets)


async def test_who_was_granted_three_is_given_no_fourth(network: Network) -> None:
    ada, bo, crowd = await in_conflict(network)
    await show(ada, tickets_for(ada, [bo, crowd[0], crowd[1]]))
    peer = await sync_to_async(roster.find_peer)(await handle_of(ada))
    assert peer is not None
    candidates = (await sync_to_async(survey)([peer], Scope(), now=timezone.now(), rng=RNG)).candidates

    is_given = await sync_to_async(guarding.give_one_more)(peer, candidates, [], now=timezone.now(), rng=RNG)

    assert not is_given


async def test_an_empty_stock_moves_nobody_to_a_third_guard(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH + 2)
    ada = await online_with(network, "ada", crowd[:3])
    bo = await online_with(network, "bo", crowd[4:6])
    for guard in crowd[:2]:
        await store.async_client().delete(store_keys.offers(await handle_of(guard)))

    tx_key = await send_to(ada, bo.login)

    assert (await ada.expect(AttemptFailed)).cause is Cause.NO_OFFER
    tx = await sync_to_async(path_store.read)(tx_key)
    assert tx is not None
    assert tx.attempt == 0


async def test_an_empty_stock_is_no_conflict(network: Network) -> None:
    """Who empties the stocks of both guards of a sender does not have it take a third one."""
    crowd = await network.forwarders(ENOUGH + 2)
    ada = await online_with(network, "ada", crowd[:2])
    bo = await online_with(network, "bo", crowd[4:6])
    await guards_of(ada)
    for guard in crowd[:2]:
        await store.async_client().delete(store_keys.offers(await handle_of(guard)))

    await send_to(ada, bo.login)

    assert (await ada.expect(AttemptFailed)).cause is Cause.NO_OFFER
    assert {frame.ticket for frame in await guards_of(ada)} <= set(ada.tickets)


async def test_expired_tickets_bind_nobody(network: Network) -> None:
    crowd = await network.forwarders(4)
    ada, bo = await network.online("ada"), await network.online("bo")
    old = timezone.now() - timedelta(days=30, hours=1)
    await crowd[0].close()

    tx_key = await send_to(ada, bo.login, tickets=[ticket_for(ada, crowd[0], granted=old)])

    assert (await take_path(tx_key, ada, [ada, bo, *crowd[1:]])).ready.attempt == 1
