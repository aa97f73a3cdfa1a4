"""Choose who forwards. Pure: values in, a path out; chance comes in as an argument.

Spec: docs/spec/pathfinding.md
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from p2p.protocol.limits import FORWARDERS
from p2p.records import PeerId, UserKey

FRESH_S = 60.0
STALE_S = 120.0

Pair = frozenset[PeerId]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A peer that is willing to forward, as of its last refresh.

    `network` is a keyed hash of the network it connects from, or empty where networks say nothing (loopback,
    private).
    A peer out of favour took part in several failures lately; it is drawn only when nobody else is left.
    """

    peer: PeerId
    account: UserKey
    network: str
    age_s: float
    in_favour: bool = True


@dataclass(frozen=True, slots=True)
class End:
    """One end of the path."""

    peer: PeerId
    account: UserKey


@dataclass(frozen=True, slots=True)
class Ends:
    """Sender and receiver."""

    sender: End
    receiver: End


@dataclass(frozen=True, slots=True)
class Guards:
    """The peers that may stand next to an end. None: nobody is bound, that place is drawn like the middle."""

    sender: Collection[PeerId] | None = None
    receiver: Collection[PeerId] | None = None


NO_GUARDS = Guards()


@dataclass(frozen=True, slots=True)
class Path:
    """Five peers in order, sender first."""

    peers: tuple[PeerId, ...]

    @property
    def forwarders(self) -> tuple[PeerId, ...]:
        return self.peers[1:-1]

    @property
    def hops(self) -> tuple[tuple[PeerId, PeerId], ...]:
        """Neighbours, in order: who sends to whom."""
        return tuple(zip(self.peers, self.peers[1:], strict=False))


@dataclass(frozen=True, slots=True)
class TooFew:
    """No path with three forwarders can be had; `found` of them could."""

    found: int


def freshness(age_s: float) -> float:
    """Weight of a peer in the draw: 1 up to 60 s after its refresh, falling to 0 at 120 s."""
    return max(0.0, min(1.0, (STALE_S - age_s) / (STALE_S - FRESH_S)))


def choose_path(
    candidates: Sequence[Candidate],
    ends: Ends,
    guards: Guards,
    links: Collection[Pair],
    rng: random.Random,
) -> Path | TooFew:
    """Draw three forwarders: distinct accounts, none of the ends', distinct networks.

    An open link never makes a peer likelier to be drawn. It decides only in which order the drawn ones stand,
    and who of several acceptable guards is taken.
    Spec: docs/spec/pathfinding.md, section "Procedure"
    """
    taken = {ends.sender.account, ends.receiver.account}
    drawn = [c for c in _in_drawn_order(candidates, rng) if c.account not in taken]
    slots = [
        _slot(drawn, guards.sender, ends.sender.peer, links),
        drawn,
        _slot(drawn, guards.receiver, ends.receiver.peer, links),
    ]
    # Bound places are filled first: a free one must not take the only guard.
    by_need = sorted(range(FORWARDERS), key=lambda at: at in _free(guards))
    chosen = next(_fillings([slots[at] for at in by_need]), None)
    if chosen is None:
        return TooFew(_most(drawn))
    placed = dict(zip(by_need, chosen, strict=True))
    return _arranged([placed[at].peer for at in range(FORWARDERS)], ends, _free(guards), links, rng)


def _in_drawn_order(candidates: Sequence[Candidate], rng: random.Random) -> list[Candidate]:
    """Order candidates as a weighted draw without replacement would take them.

    Each gets an exponential waiting time with its weight as the rate; who waits least comes first.
    """
    waits = [
        (not candidate.in_favour, rng.expovariate(weight), at)
        for at, candidate in enumerate(candidates)
        if (weight := freshness(candidate.age_s)) > 0
    ]
    return [candidates[at] for _, _, at in sorted(waits)]


def _slot(
    drawn: list[Candidate], bound: Collection[PeerId] | None, end: PeerId, links: Collection[Pair]
) -> list[Candidate]:
    if bound is None:
        return drawn
    acceptable = [candidate for candidate in drawn if candidate.peer in bound]
    return sorted(acceptable, key=lambda candidate: frozenset({end, candidate.peer}) not in links)


def _free(guards: Guards) -> list[int]:
    """List the places that no guard is bound to."""
    return [at for at, bound in enumerate((guards.sender, None, guards.receiver)) if bound is None]


def _fillings(slots: Sequence[Sequence[Candidate]]) -> Iterator[tuple[Candidate, ...]]:
    """Walk all ways to fill the slots with peers that may share a path, best draw first."""
    if not slots:
        yield ()
        return
    for candidate in slots[0]:
        rest = [[other for other in slot if _may_share_a_path(candidate, other)] for slot in slots[1:]]
        if _is_hopeless(rest):
            continue
        for filling in _fillings(rest):
            yield (candidate, *filling)


def _is_hopeless(slots: Sequence[Sequence[Candidate]]) -> bool:
    """Tell early that too few accounts or networks are left: a crowd of one network must not cost time."""
    left = [candidate for slot in slots for candidate in slot]
    accounts = {candidate.account for candidate in left}
    networks = {candidate.network or candidate.account for candidate in left}
    return min(len(accounts), len(networks)) < len(slots)


def _may_share_a_path(one: Candidate, other: Candidate) -> bool:
    if one.account == other.account:
        return False
    return not one.network or one.network != other.network


def _most(drawn: list[Candidate]) -> int:
    """Count how many forwarders could be had, short of a whole path."""
    return next(
        (count for count in range(FORWARDERS - 1, 0, -1) if next(_fillings([drawn] * count), None)), 0
    )


def _arranged(
    forwarders: list[PeerId], ends: Ends, free: list[int], links: Collection[Pair], rng: random.Random
) -> Path:
    """Put the drawn forwarders in the order that needs the fewest new links; guards keep their places."""
    orders = list(permutations(free))
    rng.shuffle(orders)
    paths = []
    for order in orders:
        placed = list(forwarders)
        for at, source in zip(free, order, strict=True):
            placed[at] = forwarders[source]
        paths.append(Path((ends.sender.peer, *placed, ends.receiver.peer)))
    return max(paths, key=lambda path: sum(frozenset(hop) in links for hop in path.hops))
