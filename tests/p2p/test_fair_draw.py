"""Nobody gains by being many, by keeping links, or by having no offers: the draw, the sample, the order."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from mesa import push, store
from p2p import limits, scripts, store_keys, surveying
from p2p.pathfinding import Candidate, End, Ends, Pair, Path, choose_path
from p2p.protocol.limits import FORWARDERS
from p2p.protocol.to_peer import AttemptFailed, OfferWanted, PathReady
from p2p.protocol.words import Cause
from p2p.records import PeerId, UserKey
from p2p.surveying import Scope
from tests.p2p.guard_town import NO_GUARDS
from tests.p2p.peers import Network, make_offers
from tests.p2p.scenes import send_to, take_path, tx_fields
from tests.p2p.worker import after

ENDS = Ends(End(PeerId("ada"), UserKey("ada")), End(PeerId("bo"), UserKey("bo")))
NOW = datetime.now(UTC)
DRAWS = 3_000


def honest(count: int) -> list[Candidate]:
    return [Candidate(PeerId(f"f{at}"), UserKey(f"user{at}"), f"net{at}", age_s=1.0) for at in range(count)]


def farm(count: int) -> list[Candidate]:
    """Many accounts in one network."""
    return [Candidate(PeerId(f"m{at}"), UserKey(f"mallory{at}"), "farm", age_s=1.0) for at in range(count)]


def clones(count: int) -> list[Candidate]:
    """Many devices of one account, each in a network of its own."""
    return [Candidate(PeerId(f"m{at}"), UserKey("mallory"), f"m{at}", age_s=1.0) for at in range(count)]


def at_home(count: int) -> list[Candidate]:
    """Many devices of one account at an address that says nothing."""
    return [Candidate(PeerId(f"m-home{at}"), UserKey("mallory"), "", age_s=1.0) for at in range(count)]


def draw(candidates: list[Candidate], rng: random.Random, links: frozenset[Pair] = frozenset()) -> Path:
    path = choose_path(candidates, ENDS, NO_GUARDS, links, rng)
    assert isinstance(path, Path)
    return path


def is_hostile(peer: str) -> bool:
    return peer.startswith("m")


@pytest.mark.parametrize("hostile", [farm, clones, at_home])
@pytest.mark.parametrize("count", [1, 80])
def test_being_many_gives_no_more_than_one_share(
    rng: random.Random, hostile: Callable[[int], list[Candidate]], count: int
) -> None:
    candidates = [*honest(20), *hostile(count)]

    paths = [draw(candidates, rng) for _ in range(DRAWS)]

    times = sum(any(map(is_hostile, path.forwarders)) for path in paths)
    assert 350 < times < 510  # one in 21 networks: 3/21 of all paths, 429; four standard deviations


def test_those_behind_one_network_share_its_part_evenly(rng: random.Random) -> None:
    counts = Counter(peer for _ in range(DRAWS * 2) for peer in draw([*honest(4), *farm(5)], rng).forwarders)

    shares = [counts[PeerId(f"m{at}")] for at in range(5)]
    assert all(600 < share < 840 for share in shares)  # three in five of 6,000 paths, by five: 720


@given(st.integers(3, 12), st.integers(0, 40), st.integers(0, 40), st.randoms(use_true_random=False))
def test_a_path_is_drawn_from_as_many_networks_as_there_are(
    many: int, sybils: int, copies: int, rng: random.Random
) -> None:
    candidates = [*honest(many), *farm(sybils), *at_home(copies)]

    forwarders = draw(candidates, rng).forwarders

    assert len(set(forwarders)) == FORWARDERS
    assert sum(map(is_hostile, forwarders)) <= 2


def test_links_to_the_ends_do_not_bring_a_peer_next_to_them(rng: random.Random) -> None:
    links = frozenset(frozenset({PeerId(f"f{at}"), PeerId(end)}) for at in range(2) for end in ("ada", "bo"))
    linked = {PeerId("f0"), PeerId("f1")}

    paths = [draw(honest(20), rng, links) for _ in range(DRAWS * 2)]

    first = sum(path.forwarders[0] in linked for path in paths)
    both = sum({path.forwarders[0], path.forwarders[-1]} == linked for path in paths)
    assert 500 < first < 700  # a tenth: 600, four standard deviations
    assert both < 60  # 2 · 1/20 · 1/19 of them: 32


async def enter(user: str, network: str, peer: str) -> None:
    """Write what a socket of a forwarder writes: its record, then its refresh."""
    record: dict[str | bytes, bytes | float | int | str] = {
        "user": user,
        "device": peer,
        "socket": "s",
        "network": network,
        "resume": peer,
        "told": "1",
        "closed": "",
        "onion_key": "k",
    }
    async with store.async_client().pipeline() as batch:
        batch.hset(store_keys.peer(PeerId(peer)), mapping=record)
        batch.expire(store_keys.peer(PeerId(peer)), store_keys.PEER_TTL)
        await batch.execute()
    ttl = store_keys.milliseconds(store_keys.PEER_TTL)
    oldest = (NOW - store_keys.FORWARDER_AGE).timestamp()
    offer = ["id", '{"id":"id"}']
    args = [scripts.PREFIX, peer, "s", NOW.timestamp(), ttl, "k", 1, "unknown", oldest, 4, 0, *offer]
    await scripts.PRESENCE_REFRESH.arun([store_keys.FORWARDERS, store_keys.WAITING_FORWARDERS], args)


async def sample(rng: random.Random) -> list[PeerId]:
    """A sample of its own, though another was drawn within this second."""
    await store.async_client().delete(store_keys.sample(surveying.MANY))
    found = await sync_to_async(surveying.survey)([], Scope(), now=NOW, rng=rng)
    return [candidate.peer for candidate in found.candidates]


@pytest.mark.parametrize("kind", ["accounts of one network", "devices of one account", "devices at home"])
async def test_the_sample_takes_networks_not_peers(
    async_store: store.AsyncClient, rng: random.Random, kind: str
) -> None:
    for at in range(120):
        await enter(f"user{at}", f"net{at}", f"f{at}")
    for at in range(300):
        user = f"mallory{at}" if kind == "accounts of one network" else "mallory"
        network = {"accounts of one network": "farm", "devices at home": ""}.get(kind, f"m{at}")
        await enter(user, network, f"m{at}")

    samples = [await sample(rng) for _ in range(20)]

    assert all(sum(map(is_hostile, peers)) <= 1 for peers in samples)
    assert all(len(peers) >= surveying.MANY - 1 for peers in samples)
    assert len({frozenset(peers) for peers in samples}) == 20
    seen = Counter(peer for peers in samples for peer in peers if not is_hostile(peer))
    assert len(seen) > 115  # each is in five samples of six


async def test_a_sample_serves_for_a_while(
    async_store: store.AsyncClient, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A second is soon over on a busy machine.
    monkeypatch.setattr(store_keys, "SAMPLE_TTL", timedelta(minutes=1))
    for at in range(120):
        await enter(f"user{at}", f"net{at}", f"f{at}")
    first = await sample(rng)

    found = await sync_to_async(surveying.survey)([], Scope(), now=NOW, rng=rng)

    assert [candidate.peer for candidate in found.candidates] == first
    assert 0 < await async_store.pttl(store_keys.sample(surveying.MANY)) <= 60_000


async def test_few_networks_are_sampled_more_than_once_each(
    async_store: store.AsyncClient, rng: random.Random
) -> None:
    for at in range(150):
        await enter(f"user{at}", f"net{at % 5}", f"f{at}")

    peers = await sample(rng)

    assert len(peers) > 50
    assert {int(peer[1:]) % 5 for peer in peers} == set(range(5))


async def test_who_stopped_forwarding_is_not_sampled(
    async_store: store.AsyncClient, rng: random.Random
) -> None:
    for at in range(130):
        await enter(f"user{at}", f"net{at}", f"f{at}")
    await async_store.zrem(store_keys.FORWARDERS, *(f"f{at}" for at in range(20)))

    peers = await sample(rng)

    assert all(int(peer[1:]) >= 20 for peer in peers)


async def test_forwarders_without_offers_do_not_hold_up_anybody(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    for at in range(12):
        await network.online(f"dry{at}", forward=True, offers=0)
    await network.forwarders(3)

    await send_to(ada, bo.login)

    assert (await ada.expect(PathReady)).attempt == 1
    assert not [frame for frame in await ada.everything() if isinstance(frame, AttemptFailed)]


async def test_where_a_few_are_not_enough_many_are_looked_at(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "FEW", 2)
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(3)

    await send_to(ada, bo.login)

    assert (await ada.expect(PathReady)).attempt == 1


async def test_links_do_not_bring_those_without_offers_back_to_hold_up(network: Network) -> None:
    ada, bo = await network.online("ada", offers=8), await network.online("bo")
    dry = [await network.online(f"dry{at}", forward=True, offers=0) for at in range(12)]
    await network.forwarders(3, offers=8)
    handles = [await store.async_client().get(store_keys.device(peer.device_key)) for peer in (ada, *dry)]
    links = store_keys.links(PeerId(str(handles[0])))
    async with store.async_client().pipeline() as batch:
        batch.hset(links, mapping={f"{at}".zfill(22): str(handle) for at, handle in enumerate(handles[1:])})
        batch.expire(links, store_keys.PEER_TTL)
        await batch.execute()

    for _ in range(3):
        await send_to(ada, bo.login)
        await ada.expect(PathReady)


async def test_who_does_not_answer_when_asked_is_not_waited_for(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    dry = [await network.online(f"dry{at}", forward=True, offers=0) for at in range(3)]
    tx_key = await send_to(ada, bo.login)
    assert (await ada.expect(AttemptFailed)).cause is Cause.NO_OFFER
    for peer in dry:
        await peer.expect(OfferWanted)

    await after(limits.OFFER_WITHIN.total_seconds() + 1)

    assert (await ada.expect(AttemptFailed)).cause is Cause.TOO_FEW_FORWARDERS
    assert (await tx_fields(tx_key))["attempt"] == "0"


async def test_who_answers_late_is_back_within_a_second(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    dry = [await network.online(f"dry{at}", forward=True, offers=0) for at in range(3)]
    tx_key = await send_to(ada, bo.login)
    await after(limits.OFFER_WITHIN.total_seconds() + 1)

    for peer in dry:
        peer.offers = make_offers()
        await peer.settled()
    await after(limits.OFFER_WITHIN.total_seconds() + 2)

    path = await take_path(tx_key, ada, [ada, bo, *dry])
    assert path.ready.attempt == 1


async def test_the_orders_leave_in_an_order_by_lot(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[list[str]] = []
    send = push.push_devices

    def record(frames: Sequence[tuple[UUID, str]]) -> bool:
        left.append([str(device) for device, _ in frames])
        return send(frames)

    monkeypatch.setattr(push, "push_devices", record)
    ada, bo = await network.online("ada", offers=8), await network.online("bo")
    crowd = await network.forwarders(3, offers=8)

    places = set()
    for _ in range(6):
        path = await take_path(await send_to(ada, bo.login), ada, [ada, bo, *crowd])
        (devices,) = (each for each in left if len(each) > 1)
        assert sorted(devices[:-1]) == sorted(peer.device for peer in path.peers)
        assert devices[-1] == ada.device
        places.add(devices.index(ada.device))
        left.clear()

    assert len(places) > 1
