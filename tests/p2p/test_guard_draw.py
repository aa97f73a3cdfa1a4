"""Who is drawn as a guard, and which guards are in use: rules as pure functions. Spec: docs/spec/guards.md"""

import random
from collections import Counter

import pytest

from p2p.guards import LEAST_NETWORKS, LEAST_STEADY, STEADY_AFTER, Standing, choose_guards, in_use
from p2p.pathfinding import Candidate
from p2p.records import PeerId, UserKey

ADA = Standing(PeerId("ada"), UserKey("ada"), "net-ada")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(5)


def forwarder(
    name: str, *, network: str | None = None, online_s: float = 0, in_favour: bool = True
) -> Candidate:
    own = f"net-{name}" if network is None else network
    return Candidate(PeerId(name), UserKey(name), own, 0.0, in_favour, online_s)


def crowd(count: int, *, online_s: float = 0, start: int = 0) -> list[Candidate]:
    return [forwarder(f"f{number}", online_s=online_s) for number in range(start, start + count)]


def standing(name: str, *, account: str | None = None, network: str = "") -> Standing:
    return Standing(PeerId(name), UserKey(account or name), network)


def test_two_of_distinct_accounts_and_networks_are_drawn(rng: random.Random) -> None:
    of_two_networks = [forwarder(f"f{at}", network=f"net-{at % 6}") for at in range(30)]

    for _ in range(50):
        one, other = choose_guards(of_two_networks, [ADA], 2, rng)
        assert one.account != other.account
        assert one.network != other.network


def test_nobody_like_the_device_or_its_other_guard_is_drawn(rng: random.Random) -> None:
    near = [ADA, standing("f1", network="net-x")]
    candidates = [
        *crowd(8),
        forwarder("same-network", network="net-x"),
        forwarder("own-network", network="net-ada"),
        Candidate(PeerId("own"), UserKey("ada"), "net-o", 0.0),
    ]

    drawn = {choose_guards(candidates, near, 1, rng)[0].peer for _ in range(200)}

    assert drawn == {f"f{number}" for number in range(8) if number != 1}


def test_who_is_out_of_favour_is_not_drawn(rng: random.Random) -> None:
    candidates = [*crowd(6), forwarder("blamed", in_favour=False)]

    assert "blamed" not in {choose_guards(candidates, [ADA], 1, rng)[0].peer for _ in range(100)}


@pytest.mark.parametrize(("count", "drawn"), [(LEAST_NETWORKS - 1, 0), (LEAST_NETWORKS, 2)])
def test_from_a_young_network_nobody_is_drawn(rng: random.Random, count: int, drawn: int) -> None:
    assert len(choose_guards(crowd(count), [ADA], 2, rng)) == drawn


def test_blame_makes_no_network_young(rng: random.Random) -> None:
    candidates = [forwarder(f"f{at}", in_favour=at < 2) for at in range(LEAST_NETWORKS)]

    assert {each.peer for each in choose_guards(candidates, [ADA], 2, rng)} == {"f0", "f1"}


def test_many_accounts_of_few_networks_are_a_young_network(rng: random.Random) -> None:
    farm = [forwarder(f"m{at}", network=f"net-{at % 4}") for at in range(80)]

    assert choose_guards(farm, [ADA], 2, rng) == []


def test_the_guard_that_is_held_counts_for_the_size_of_the_network(rng: random.Random) -> None:
    near = [ADA, standing("f0")]

    assert len(choose_guards(crowd(LEAST_NETWORKS), near, 1, rng)) == 1
    assert choose_guards(crowd(LEAST_NETWORKS - 1), near, 1, rng) == []


def test_those_who_stay_are_drawn_where_there_are_enough_of_them(rng: random.Random) -> None:
    hour = STEADY_AFTER.total_seconds()
    steady = crowd(LEAST_STEADY, online_s=hour)
    fleeting = crowd(LEAST_STEADY, online_s=hour - 1, start=100)

    of_many = Counter(choose_guards([*steady, *fleeting], [ADA], 1, rng)[0].online_s for _ in range(100))
    of_few = Counter(choose_guards([*steady[1:], *fleeting], [ADA], 1, rng)[0].online_s for _ in range(100))

    assert set(of_many) == {hour}
    assert set(of_few) == {hour, hour - 1}


def test_a_network_of_many_gains_nothing(rng: random.Random) -> None:
    candidates = [*crowd(20), *(forwarder(f"m{at}", network="net-m") for at in range(60))]

    draws = [choose_guards(candidates, [ADA], 1, rng)[0].network for _ in range(2_000)]

    assert draws.count("net-m") / len(draws) < 1.5 / 21


def test_those_granted_first_are_in_use() -> None:
    held = [standing("g1"), standing("g2"), standing("g3")]

    assert [guard.peer for guard in in_use(held, ends=set())] == ["g1", "g2"]
    assert [guard.peer for guard in in_use(held[1:], ends=set())] == ["g2", "g3"]


def test_an_end_is_no_guard_on_its_own_path() -> None:
    held = [standing("g1", account="bo"), standing("g2"), standing("g3")]

    assert [guard.peer for guard in in_use(held, ends={UserKey("bo")})] == ["g2", "g3"]


@pytest.mark.parametrize(
    "alike", [standing("g2", account="g1"), standing("g2", network="net-1")], ids=["account", "network"]
)
def test_two_that_are_alike_are_not_in_use_together(alike: Standing) -> None:
    held = [standing("g1", network="net-1"), alike, standing("g3")]

    assert [guard.peer for guard in in_use(held, ends=set())] == ["g1", "g3"]
