"""What hostile forwarders gain by many accounts and fast refreshing, and what they see of pairs.

The figures of docs/spec/guards.md come from `python -m tests.p2p.guard_town`; here are fewer draws.
"""

import random
import re

import pytest

from tests.p2p.guard_town import (
    MESSAGES,
    Paths,
    bound_paths,
    found_by_contact,
    free_paths,
    gain_of_guards,
    gain_of_last_hundred,
    gain_of_paths,
    make_town,
    report,
    seen_by_hostile,
)
from tests.progress import say

GOAL = 1.1


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)


def test_fast_refreshing_and_many_accounts_gain_nothing(rng: random.Random) -> None:
    town = make_town(rng)

    of_paths, of_guards = gain_of_paths(town, rng, 1_000), gain_of_guards(town, rng, 3_000, size=30)

    say(f"Sybil gain: {of_paths:.2f} of places, {of_guards:.2f} of guards")
    assert of_paths <= GOAL
    assert of_guards <= GOAL


def test_the_hundred_that_refreshed_last_would_be_theirs(rng: random.Random) -> None:
    assert gain_of_last_hundred(make_town(rng), rng) > 9


def test_without_guards_every_pair_is_linked_and_with_guards_few(rng: random.Random) -> None:
    town = make_town(rng)

    free = seen_by_hostile(town, free_paths, rng, pairs=4, messages=MESSAGES)
    bound = seen_by_hostile(town, bound_paths, rng, pairs=200, messages=16)

    say(f"pairs linked: {free.pairs:.1%} without guards, {bound.pairs:.1%} with")
    assert free.pairs == free.senders == 1.0
    assert bound.pairs <= 0.07
    assert bound.senders <= 0.25


@pytest.mark.parametrize(("paths", "least", "most"), [(free_paths, 1.0, 1.0), (bound_paths, 0.05, 0.45)])
def test_asking_again_does_not_bring_a_contact_next_to_the_receiver(
    rng: random.Random, paths: Paths, least: float, most: float
) -> None:
    found = found_by_contact(8, paths, rng, tries=30, asked=100)

    say(f"T-23, 100 paths, one forwarder beside 8: {found:.0%}")
    assert least <= found <= most


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_the_figures_of_the_page(rng: random.Random) -> None:
    lines = []
    for line in report(2, rng):
        say(line)
        lines.append(line)

    gains = [float(line.rsplit(" ", 1)[1]) for line in lines if re.match("gain.*, a network each", line)]
    assert len(gains) == 2
    assert max(gains) <= GOAL
