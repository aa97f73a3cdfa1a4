"""Who may stand next to a device: which of its guards are in use, and who is drawn as another. Pure.

Spec: docs/spec/guards.md
"""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from p2p.pathfinding import Candidate, by_lot, may_share_a_path, one_per_network
from p2p.records import PeerId, UserKey

PLACES: Final = 2
PLACES_IN_CONFLICT: Final = 3
# Below it two ends with two guards each could have nobody left between them.
LEAST_NETWORKS: Final = 5
STEADY_AFTER: Final = timedelta(hours=1)
LEAST_STEADY: Final = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """A guard that is reachable now: its peer, and what must differ between two of a device."""

    peer: PeerId
    account: UserKey
    network: str


def in_use(reachable: Iterable[Standing], *, ends: Collection[UserKey]) -> list[Standing]:
    """Take the two that were guards first, none of them an account at an end, nor alike among themselves."""
    used: list[Standing] = []
    for each in reachable:
        if each.account not in ends and all(may_share_a_path(each, other) for other in used):
            used.append(each)
    return used[:PLACES]


def choose_guards(
    candidates: Sequence[Candidate], near: Collection[Standing], count: int, rng: random.Random
) -> list[Candidate]:
    """Draw up to so many new guards, networks before accounts, none of them like those that stand `near`.

    Near stand the device itself, its other guards, and in a conflict the other end. Nobody is drawn from a
    network so young that two ends might need the same few.
    """
    others = [each for each in candidates if all(may_share_a_path(each, other) for other in near)]
    # Blame does not count here: a network must not grow young by reports.
    if len(one_per_network(others, rng)) + len(near) <= LEAST_NETWORKS:
        return []
    able = [each for each in others if each.in_favour]
    drawn = by_lot(one_per_network(able, rng), rng)
    steady = [each for each in able if each.online_s >= STEADY_AFTER.total_seconds()]
    of_steady = by_lot(one_per_network(steady, rng), rng)
    return _apart(of_steady if len(of_steady) >= LEAST_STEADY else drawn, count)


def _apart(drawn: Sequence[Candidate], count: int) -> list[Candidate]:
    chosen: list[Candidate] = []
    for each in drawn:
        if len(chosen) < count and all(may_share_a_path(each, other) for other in chosen):
            chosen.append(each)
    return chosen
