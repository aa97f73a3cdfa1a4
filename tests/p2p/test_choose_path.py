"""Who forwards: the rules as properties, the draw by its statistics."""

import dataclasses
import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p.pathfinding import (
    Candidate,
    End,
    Ends,
    Guards,
    Pair,
    Path,
    TooFew,
    choose_path,
    freshness,
)
from p2p.protocol.limits import FORWARDERS
from p2p.records import PeerId, UserKey
from tests.p2p.guard_town import NO_GUARDS

ENDS = Ends(End(PeerId("ada"), UserKey("ada")), End(PeerId("bo"), UserKey("bo")))
NO_LINKS: frozenset[Pair] = frozenset()


def candidate(
    name: str, *, account: str | None = None, network: str = "", age_s: float = 0.0, in_favour: bool = True
) -> Candidate:
    return Candidate(PeerId(name), UserKey(account or name), network, age_s, in_favour)


def crowd(count: int) -> list[Candidate]:
    return [candidate(f"f{number}", network=f"n{number}") for number in range(count)]


def link(one: str, other: str) -> Pair:
    return frozenset({PeerId(one), PeerId(other)})


def draw(candidates: list[Candidate], rng: random.Random, **more: object) -> Path:
    path = choose_path(candidates, ENDS, NO_GUARDS, NO_LINKS, rng)
    assert isinstance(path, Path)
    return path


accounts = st.sampled_from(["ada", "bo", *(f"user{number}" for number in range(6))])
networks = st.sampled_from(["", *(f"net{number}" for number in range(5))])
crowds = st.lists(
    st.builds(
        candidate,
        name=st.uuids().map(str),
        account=accounts,
        network=networks,
        age_s=st.floats(0, 150),
        in_favour=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.peer,
)


def may_share(one: Candidate, other: Candidate) -> bool:
    return one.account != other.account and (not one.network or one.network != other.network)


def largest_choice(candidates: list[Candidate]) -> int:
    """How many forwarders the rules allow, by trying all."""
    usable = [one for one in candidates if freshness(one.age_s) > 0 and one.account not in ("ada", "bo")]
    return (
        max(
            size
            for size in range(FORWARDERS + 1)
            for chosen in combinations(usable, size)
            if all(may_share(one, other) for one, other in combinations(chosen, 2))
        )
        if usable
        else 0
    )


@given(crowds, st.randoms(use_true_random=False))
def test_a_path_keeps_every_rule(candidates: list[Candidate], rng: random.Random) -> None:
    known = {one.peer: one for one in candidates}

    path = choose_path(candidates, ENDS, NO_GUARDS, NO_LINKS, rng)

    if isinstance(path, TooFew):
        assert path.found == largest_choice(candidates) < FORWARDERS
        return
    forwarders = [known[peer] for peer in path.forwarders]
    assert path.peers[0] == "ada"
    assert path.peers[-1] == "bo"
    assert len({"ada", "bo", *(one.account for one in forwarders)}) == len(path.peers)
    assert all(may_share(one, other) for one, other in combinations(forwarders, 2))
    assert all(freshness(one.age_s) > 0 for one in forwarders)


@given(crowds, st.randoms(use_true_random=False), st.data())
def test_guards_stand_next_to_their_ends_or_there_is_no_path(
    candidates: list[Candidate], rng: random.Random, data: st.DataObject
) -> None:
    peers = [one.peer for one in candidates]
    bound = st.lists(st.sampled_from(peers), max_size=3) if peers else st.just([])
    guards = Guards(sender=data.draw(bound), receiver=data.draw(bound))

    path = choose_path(candidates, ENDS, guards, NO_LINKS, rng)

    if isinstance(path, Path):
        assert path.forwarders[0] in (guards.sender or ())
        assert path.forwarders[-1] in (guards.receiver or ())
        assert path.forwarders[0] != path.forwarders[-1]


def test_a_guard_that_is_away_means_waiting_not_another_one(rng: random.Random) -> None:
    guards = Guards(sender=[PeerId("away")])

    assert choose_path(crowd(20), ENDS, guards, NO_LINKS, rng) == TooFew(2)


def test_a_guard_out_of_favour_is_taken_after_the_other_whatever_its_links(rng: random.Random) -> None:
    guards = Guards(sender=[PeerId("f1"), PeerId("f2")])
    others = [dataclasses.replace(each, in_favour=each.peer != "f1") for each in crowd(9)]

    paths = [choose_path(others, ENDS, guards, {link("ada", "f1")}, rng) for _ in range(50)]

    assert {path.forwarders[0] for path in paths if isinstance(path, Path)} == {"f2"}


def test_a_guard_is_in_the_middle_only_when_nobody_else_is_left(rng: random.Random) -> None:
    guards = Guards(sender=[PeerId("f0"), PeerId("f1")], receiver=[PeerId("f2"), PeerId("f3")])

    of_six = [choose_path(crowd(6), ENDS, guards, NO_LINKS, rng) for _ in range(50)]
    of_four = [choose_path(crowd(4), ENDS, guards, NO_LINKS, rng) for _ in range(50)]

    assert {path.forwarders[1] for path in of_six if isinstance(path, Path)} == {"f4", "f5"}
    assert all(isinstance(path, Path) for path in of_four)


def test_a_guard_with_an_open_link_is_taken_before_one_without(rng: random.Random) -> None:
    guards = Guards(sender=[PeerId("f1"), PeerId("f2")])

    paths = [choose_path(crowd(9), ENDS, guards, {link("ada", "f2")}, rng) for _ in range(50)]

    assert {path.forwarders[0] for path in paths if isinstance(path, Path)} == {"f2"}


def test_every_peer_is_drawn_equally_often(rng: random.Random) -> None:
    candidates, draws = crowd(20), 6_000

    counts = Counter(peer for _ in range(draws) for peer in draw(candidates, rng).forwarders)

    expected = draws * FORWARDERS / len(candidates)
    chi_squared = sum((counts[one.peer] - expected) ** 2 / expected for one in candidates)
    assert chi_squared < 43.8  # 19 degrees of freedom, one false alarm in a thousand seeds


def test_every_place_is_equally_likely_for_a_peer(rng: random.Random) -> None:
    places = Counter(draw(crowd(3), rng).forwarders.index(PeerId("f0")) for _ in range(3_000))

    assert all(900 < places[at] < 1_100 for at in range(FORWARDERS))


def test_open_links_do_not_make_a_peer_likelier(rng: random.Random) -> None:
    names = [f"f{number}" for number in range(10)]
    links = {link("ada", "f0"), link("f0", "bo"), *(link("f0", name) for name in names[1:])}

    paths = [choose_path(crowd(10), ENDS, NO_GUARDS, links, rng) for _ in range(4_000)]

    times = sum("f0" in path.forwarders for path in paths if isinstance(path, Path))
    assert 1_080 < times < 1_320  # expected 1,200, four standard deviations


def test_many_peers_of_one_account_or_network_count_as_one(rng: random.Random) -> None:
    sybils = [candidate(f"s{number}", network="farm") for number in range(90)]
    clones = [candidate(f"c{number}", account="clone") for number in range(90)]

    paths = [draw([*sybils, *clones, *crowd(10)], rng) for _ in range(200)]

    for path in paths:
        assert sum(peer.startswith("s") for peer in path.forwarders) <= 1
        assert sum(peer.startswith("c") for peer in path.forwarders) <= 1


@pytest.mark.timeout(5)
def test_a_crowd_of_two_networks_is_turned_down_at_once(rng: random.Random) -> None:
    farms = [candidate(f"s{number}", network=f"farm{number % 2}") for number in range(100)]

    for _ in range(50):
        assert choose_path(farms, ENDS, NO_GUARDS, NO_LINKS, rng) == TooFew(2)


def test_a_stale_peer_is_drawn_less_often(rng: random.Random) -> None:
    candidates = [*crowd(9), candidate("old", age_s=105)]

    times = sum("old" in draw(candidates, rng).forwarders for _ in range(4_000))

    assert 240 < times < 480  # a fresh one: 1,200


def test_who_is_out_of_favour_is_drawn_only_when_nobody_else_is_left(rng: random.Random) -> None:
    blamed = [candidate(f"b{number}", in_favour=False) for number in range(20)]

    for _ in range(200):
        assert not any(peer.startswith("b") for peer in draw([*crowd(3), *blamed], rng).forwarders)
    assert sum(peer.startswith("b") for peer in draw([*crowd(2), *blamed], rng).forwarders) == 1


@settings(max_examples=200)
@given(st.floats(0, 1_000))
def test_freshness_is_whole_for_a_minute_and_nothing_after_two(age_s: float) -> None:
    weight = freshness(age_s)

    assert 0 <= weight <= 1
    assert (weight == 1) == (age_s <= 60)
    assert (weight == 0) == (age_s >= 120)
