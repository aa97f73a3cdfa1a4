"""Who is given a guard and who is not, and what becomes of tickets that are not good.

Spec: docs/spec/guards.md
"""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from mesa import store
from p2p import granting, guarding, limits, roster, store_keys
from p2p.protocol.words import How
from p2p.records import Peer
from p2p.surveying import Scope, survey
from p2p.tickets import LIFE, open_ticket
from tests.p2p.guard_scenes import (
    ENOUGH,
    forget_frames,
    guards_of,
    handle_of,
    named,
    read,
    show,
    ticket_for,
    tickets_for,
    with_guards,
)
from tests.p2p.peers import Network, TestPeer
from tests.p2p.worker import RNG, after


def _altered(ticket: bytes) -> bytes:
    return ticket[:-1] + bytes([ticket[-1] ^ 1])


NOT_GOOD: dict[str, Callable[[TestPeer, TestPeer], bytes]] = {
    "of another device": lambda _, guard: ticket_for(guard, guard),
    "altered": lambda ada, guard: _altered(ticket_for(ada, guard)),
    "expired": lambda ada, guard: ticket_for(ada, guard, granted=timezone.now() - LIFE),
    "of another size": lambda ada, guard: ticket_for(ada, guard) + b"\x00",
    "nonsense": lambda _, __: b"\x01" * 73,
}


async def test_device_that_comes_online_is_given_two_guards(network: Network) -> None:
    ada, _, guards, frames = await with_guards(network)

    assert len(frames) == 2
    assert len({guard.user for guard in guards}) == 2
    assert ada not in guards


async def test_who_empties_stocks_of_offers_does_not_choose_the_guards(network: Network) -> None:
    """Only one of all forwarders has an offer left: counted by these, the network would be young."""
    crowd = await network.forwarders(ENOUGH)
    await forget_frames(crowd)
    for peer in crowd[1:]:
        peer.offers = ()
        await peer.settled()

    given = []
    for name in ("ada", "bo", "olga"):
        newcomer = await network.online(name)
        given += named(await guards_of(newcomer), newcomer, crowd)

    assert len(given) == 6


async def test_who_owes_an_offer_is_not_given_as_a_guard(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    await forget_frames(crowd)
    silent = crowd[0]
    silent.offers = ()
    await silent.settled()
    long_ago = timezone.now().timestamp() - 2 * limits.OFFER_WITHIN.total_seconds()
    await store.async_client().set(store_keys.owed(await handle_of(silent)), long_ago, px=store_keys.PEER_TTL)

    given = []
    for name in ("ada", "bo", "olga"):
        newcomer = await network.online(name)
        given += named(await guards_of(newcomer), newcomer, crowd)

    assert len(given) == 6
    assert silent not in given


async def test_young_network_gives_none(network: Network) -> None:
    await network.forwarders(4)
    ada = await network.online("ada")

    assert await guards_of(ada) == []


async def test_forwarder_is_no_guard_of_its_own_account(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)

    for peer in crowd:
        assert peer not in named(await guards_of(peer), peer, crowd)


async def test_who_shows_two_tickets_is_given_no_other(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await network.connect(await network.login("ada"))
    ada.tickets = tickets_for(ada, crowd[:2])
    await ada.greet()
    await ada.publish()

    frames = await guards_of(ada)

    assert {frame.ticket for frame in frames} == set(ada.tickets)


async def test_two_guards_that_are_away_hold_their_places(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH + 2)
    ada = await network.connect(await network.login("ada"))
    ada.tickets = tickets_for(ada, crowd[:2])
    for guard in crowd[:2]:
        await guard.close()
    await ada.greet()
    await ada.publish()

    assert await guards_of(ada) == []


async def test_who_leaves_a_ticket_out_is_given_another_guard(network: Network) -> None:
    ada, crowd, guards, frames = await with_guards(network)
    await show(ada, [frame.ticket for frame in frames])

    await show(ada, [frames[0].ticket])

    (other,) = [frame for frame in await guards_of(ada) if frame.ticket != frames[0].ticket]
    assert named([other], ada, crowd)[0] is not guards[0]


async def test_who_never_shows_what_it_was_given_keeps_its_guards(network: Network) -> None:
    ada, crowd, guards, _ = await with_guards(network)

    later = [frame for _ in range(3) for frame in await guards_of(ada)]

    assert {guard.device for guard in named(later, ada, crowd)} <= {guard.device for guard in guards}


@pytest.mark.parametrize("kind", NOT_GOOD)
async def test_ticket_that_is_not_good_is_as_if_it_had_not_been_shown(network: Network, kind: str) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await network.connect(await network.login("ada"))
    bad = NOT_GOOD[kind](ada, crowd[0])
    ada.tickets = (bad,)
    await ada.greet()
    await ada.publish()

    frames = await guards_of(ada)

    assert len(frames) == 2
    assert bad not in {frame.ticket for frame in frames}


async def test_ticket_under_a_former_secret_is_sealed_anew_with_its_name(network: Network) -> None:
    ada, _, _, frames = await with_guards(network)
    before = {read(frame.ticket, ada) for frame in frames}
    await show(ada, [frame.ticket for frame in frames])

    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        await look_after(ada)
        fresh = await guards_of(ada)
    with override_settings(SECRET_KEY="another" * 10):
        opened = [open_ticket(frame.ticket, holder=ada.device_key, now=timezone.now()) for frame in fresh]

    assert {each.grant for each in opened if each} == before
    assert len(fresh) == 2


async def test_ticket_sealed_anew_names_a_guard_that_is_away(network: Network) -> None:
    ada, _, guards, frames = await with_guards(network)
    await show(ada, [frame.ticket for frame in frames])
    for guard in guards:
        await guard.close()

    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        await look_after(ada)
        fresh = await guards_of(ada)

    assert {frame.ticket[:9] for frame in fresh} == {frame.ticket[:9] for frame in frames}
    assert {(frame.in_.how, frame.out.how) for frame in fresh} == {(How.OPEN, How.OPEN)}


async def test_of_two_workers_one_gives_guards(network: Network) -> None:
    ada, *_ = await with_guards(network)
    peer = await sync_to_async(roster.find_peer)(await handle_of(ada))
    assert peer is not None

    given = await sync_to_async(give_twice)(peer)

    assert [len(holdings.fresh) for holdings in given] == [2, 0]


async def test_who_drops_its_tickets_all_the_time_is_looked_after_as_often_as_it_may_look(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2p.limits.GUARD_LOOKS_PER_MINUTE_OF_ACCOUNT", 5)
    mallory, _, _, frames = await with_guards(network)
    for _ in range(20):
        await show(mallory, [frame.ticket for frame in frames[-2:]])
        await show(mallory, ())
        frames += await guards_of(mallory)

    # Two at each look, of this minute and perhaps of the one before.
    assert len(frames) <= 2 * 5 * 2
    assert (await tickets_count(mallory)) == 0

    await after(60)
    assert len(await guards_of(mallory)) == 2


async def tickets_count(peer: TestPeer) -> int:
    return int(await store.async_client().hlen(store_keys.tickets(await handle_of(peer))))


def give_twice(peer: Peer) -> list[granting.Holdings]:
    """Two workers read that a peer has no tickets; then each of them draws two guards."""
    store.client().delete(store_keys.tickets(peer.peer))
    now = timezone.now()
    candidates = survey([peer], Scope(), now=now, rng=RNG).candidates
    drawn = [granting._granted(peer, candidates[at : at + 2], now) for at in (0, 2)]
    return [granting._give(peer, [], [], new) for new in drawn]


async def test_who_is_gone_is_given_nothing(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await network.connect(await network.login("ada"))
    await ada.greet()
    handle = await handle_of(ada)
    await ada.close()

    await sync_to_async(guarding.look_after)(peer_id=handle, now=timezone.now(), rng=RNG)

    assert crowd
    assert not await store.async_client().exists(store_keys.tickets(handle))


async def test_tickets_end_with_their_peer(network: Network) -> None:
    ada, *_ = await with_guards(network)
    handle = await handle_of(ada)

    await ada.close()

    assert 0 < await store.async_client().ttl(store_keys.tickets(handle)) <= 90


async def look_after(peer: TestPeer) -> None:
    await sync_to_async(guarding.look_after)(peer_id=await handle_of(peer), now=timezone.now(), rng=RNG)
