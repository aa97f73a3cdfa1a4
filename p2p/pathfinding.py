"""Choose who forwards. Pure: values in, a path out; chance comes in as an argument.

Spec: docs/spec/pathfinding.md
"""

import itertools
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

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
    `online_s`: for how long it has been there, which counts for guards only.
    """

    peer: PeerId
    account: UserKey
    network: str
    age_s: float
    in_favour: bool = True
    online_s: float = 0.0


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


class Placed(Protocol):
    """What must differ between two that stand on one path."""

    @property
    def account(self) -> UserKey: ...

    @property
    def network(self) -> str: ...


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

    An open link changes neither who is drawn nor where they stand: who keeps links to the ends would choose
    to stand at them (T-03). It decides only who of several acceptable guards is taken. Who is a guard of an
    end stands in the middle only if nobody else is left.
    Spec: docs/spec/pathfinding.md, section "Procedure"
    """
    taken = {ends.sender.account, ends.receiver.account}
    drawn = _in_drawn_order([each for each in candidates if each.account not in taken], rng)
    slots = [
        _slot(drawn, guards.sender, ends.sender.peer, links),
        _between(drawn, guards),
        _slot(drawn, guards.receiver, ends.receiver.peer, links),
    ]
    # Bound places are filled first: a free one must not take the only guard.
    by_need = sorted(range(FORWARDERS), key=lambda at: at in _free(guards))
    chosen = next(_fillings([slots[at] for at in by_need]), None)
    if chosen is None:
        return TooFew(_most(slots))
    placed = dict(zip(by_need, chosen, strict=True))
    return _arranged([placed[at].peer for at in range(FORWARDERS)], ends, _free(guards), rng)


def _in_drawn_order(candidates: Sequence[Candidate], rng: random.Random) -> list[Candidate]:
    """Order candidates as a weighted draw without replacement would take them, one network at a time.

    First come the peers that were drawn for their network, then those that stood behind them: these are
    needed only where too few networks are left. Who is out of favour comes after all others.
    """
    fresh = [candidate for candidate in candidates if freshness(candidate.age_s) > 0]
    order: list[Candidate] = []
    for in_favour in (True, False):
        left = [candidate for candidate in fresh if candidate.in_favour is in_favour]
        first = by_lot(one_per_network(left, rng), rng)
        chosen = {candidate.peer for candidate in first}
        order += first
        order += by_lot([candidate for candidate in left if candidate.peer not in chosen], rng)
    return order


def one_per_network(candidates: Sequence[Candidate], rng: random.Random) -> list[Candidate]:
    """Draw a peer for each account, then an account for each network: neither gains by being many (T-05).

    Freshness weighs the peers inside, and the one that stands for its network carries its own weight on.
    """
    accounts: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        accounts.setdefault(candidate.account, []).append(candidate)
    networks: dict[str, list[Candidate]] = {}
    for peers in accounts.values():
        peer = by_lot(peers, rng)[0]
        networks.setdefault(peer.network or peer.account, []).append(peer)
    return [by_lot(peers, rng)[0] for peers in networks.values()]


def by_lot(candidates: Sequence[Candidate], rng: random.Random) -> list[Candidate]:
    """Shuffle by weight: each waits an exponential time with its freshness as the rate; least comes first."""
    if len(candidates) < 2:
        return list(candidates)
    waits = [(rng.expovariate(freshness(each.age_s)), at) for at, each in enumerate(candidates)]
    return [candidates[at] for _, at in sorted(waits)]


def _slot(
    drawn: list[Candidate], bound: Collection[PeerId] | None, end: PeerId, links: Collection[Pair]
) -> list[Candidate]:
    if bound is None:
        return drawn
    acceptable = [candidate for candidate in drawn if candidate.peer in bound]
    return sorted(acceptable, key=lambda each: (not each.in_favour, frozenset({end, each.peer}) not in links))


def _between(drawn: list[Candidate], guards: Guards) -> list[Candidate]:
    bound = {*(guards.sender or ()), *(guards.receiver or ())}
    return sorted(drawn, key=lambda candidate: candidate.peer in bound)


def _free(guards: Guards) -> list[int]:
    """List the places that no guard is bound to."""
    return [at for at, bound in enumerate((guards.sender, None, guards.receiver)) if bound is None]


def _fillings(slots: Sequence[Sequence[Candidate]]) -> Iterator[tuple[Candidate, ...]]:
    """Walk all ways to fill the slots with peers that may share a path, best draw first."""
    if not slots:
        yield ()
        return
    for candidate in slots[0]:
        rest = [[other for other in slot if may_share_a_path(candidate, other)] for slot in slots[1:]]
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


def may_share_a_path(one: Placed, other: Placed) -> bool:
    """Tell whether two are of distinct accounts, and not of one network."""
    if one.account == other.account:
        return False
    return not one.network or one.network != other.network


def _most(slots: Sequence[Sequence[Candidate]]) -> int:
    """Count how many of the places could be filled, short of all."""
    return next(
        (
            count
            for count in range(FORWARDERS - 1, 0, -1)
            if any(next(_fillings(some), None) for some in itertools.combinations(slots, count))
        ),
        0,
    )


def _arranged(forwarders: list[PeerId], ends: Ends, free: list[int], rng: random.Random) -> Path:
    """Put the drawn forwarders in an order by lot; guards keep their places."""
    placed = list(forwarders)
    for at, source in zip(free, rng.sample(free, len(free)), strict=True):
        placed[at] = forwarders[source]
    return Path((ends.sender.peer, *placed, ends.receiver.peer))
