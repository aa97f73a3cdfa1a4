"""A town of honest and hostile forwarders, and what its draws come to. Pure and seeded.

`python -m tests.p2p.guard_town` prints the figures that stand in docs/spec/guards.md and the threat model.
"""

import itertools
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from p2p.guards import PLACES, Standing, choose_guards, in_use
from p2p.pathfinding import Candidate, End, Ends, Guards, Path, choose_path
from p2p.records import PeerId, UserKey
from p2p.surveying import MANY as SAMPLE

NO_GUARDS = Guards()
HONEST, HOSTILE = 1_000, 100
MESSAGES = 1_000
# Enough for the middle of a path whose ends are bound.
FEW = 8
HEARTBEAT_S = 60.0
DAY_S = 86_400.0


@dataclass(frozen=True)
class Town:
    """Everybody who forwards. A hostile forwarder's name begins with m."""

    forwarders: tuple[Candidate, ...]

    @property
    def networks(self) -> dict[str, list[Candidate]]:
        by_network: dict[str, list[Candidate]] = {}
        for each in self.forwarders:
            by_network.setdefault(each.network, []).append(each)
        return by_network

    @property
    def hostile_share(self) -> float:
        """The hostile part of what counts: networks, where there are fewer of them than accounts."""
        networks = self.networks
        return sum(is_hostile(name) for name in networks) / len(networks)


def is_hostile(name: str) -> bool:
    return name.startswith("m")


def make_town(
    rng: random.Random, *, honest: int = HONEST, hostile: int = HOSTILE, hostile_networks: int | None = None
) -> Town:
    """Honest peers refresh once a minute, hostile ones each second; all have been there for a day."""
    nets = hostile if hostile_networks is None else hostile_networks
    good = (forwarder(f"f{at}", f"f-net{at}", rng.uniform(0, HEARTBEAT_S + 2)) for at in range(honest))
    bad = (forwarder(f"m{at}", f"m-net{at % nets}", rng.uniform(0, 1)) for at in range(hostile))
    return Town((*good, *bad))


def forwarder(name: str, network: str, age_s: float) -> Candidate:
    return Candidate(PeerId(name), UserKey(name), network, age_s, online_s=DAY_S)


def sample(town: Town, rng: random.Random, size: int = SAMPLE) -> list[Candidate]:
    """Draw networks, then an account of each, as `forwarders_sample.lua` does."""
    networks = list(town.networks.values())
    return [rng.choice(peers) for peers in rng.sample(networks, min(size, len(networks)))]


Sampler = Callable[[int], list[Candidate]]


def sampler(town: Town, rng: random.Random) -> Sampler:
    """The same with the town looked at once: a simulation asks often."""
    networks = list(town.networks.values())
    return lambda size: [rng.choice(peers) for peers in rng.sample(networks, min(size, len(networks)))]


def last_hundred(town: Town, rng: random.Random) -> list[Candidate]:
    """The pool of the paper: the hundred that refreshed last."""
    return sorted(town.forwarders, key=lambda each: each.age_s)[:SAMPLE]


def ends(one: int, other: int) -> Ends:
    return Ends(End(PeerId(f"s{one}"), UserKey(f"s{one}")), End(PeerId(f"r{other}"), UserKey(f"r{other}")))


def draw_guards(
    draw: Sampler, rng: random.Random, count: int = PLACES, *, size: int = SAMPLE
) -> list[Candidate]:
    """Give a device two guards, and others one by one."""
    held: list[Candidate] = []
    while len(held) < count:
        near = [Standing(each.peer, each.account, each.network) for each in held]
        own = Standing(PeerId("s"), UserKey("s"), "")
        held += choose_guards(draw(size), [own, *near], 1 if held else PLACES, rng)
    return held


def used(guards: Sequence[Candidate]) -> list[PeerId]:
    return [each.peer for each in in_use([Standing(g.peer, g.account, g.network) for g in guards], ends=())]


@dataclass(frozen=True)
class Seen:
    """What hostile forwarders saw of pairs: both ends of one path at least once, the sender at least once."""

    pairs: float
    senders: float


def free_paths(draw: Sampler, rng: random.Random) -> Iterator[Path]:
    while True:
        path = choose_path(draw(SAMPLE), ends(0, 0), NO_GUARDS, frozenset(), rng)
        assert isinstance(path, Path)
        yield path


def bound_paths(draw: Sampler, rng: random.Random) -> Iterator[Path]:
    of_sender, of_receiver = draw_guards(draw, rng), draw_guards(draw, rng)
    guards = Guards(used(of_sender), used(of_receiver))
    while True:
        # One end alone shares all guards with the other in too few pairs to count.
        candidates = {each.peer: each for each in [*of_sender, *of_receiver, *draw(FEW)]}
        path = choose_path(list(candidates.values()), ends(0, 0), guards, frozenset(), rng)
        assert isinstance(path, Path)
        yield path


Paths = Callable[[Sampler, random.Random], Iterator[Path]]


def seen_by_hostile(town: Town, paths: Paths, rng: random.Random, *, pairs: int, messages: int) -> Seen:
    """Send messages between pairs of users; a pair that was seen at both ends needs no more of them."""
    draw = sampler(town, rng)
    linked = exposed = 0
    for _ in range(pairs):
        is_exposed = is_linked = False
        for path in itertools.islice(paths(draw, rng), messages):
            is_exposed |= is_hostile(path.forwarders[0])
            is_linked = is_hostile(path.forwarders[0]) and is_hostile(path.forwarders[-1])
            if is_linked:
                break
        linked += is_linked
        exposed += is_exposed
    return Seen(linked / pairs, exposed / pairs)


def gain_of_paths(town: Town, rng: random.Random, draws: int) -> float:
    """Sybil gain: the hostile share of the places of paths without guards, over their share of the town."""
    draw = sampler(town, rng)
    paths = itertools.islice(free_paths(draw, rng), draws)
    places = [is_hostile(peer) for path in paths for peer in path.forwarders]
    return sum(places) / len(places) / town.hostile_share


def gain_of_guards(town: Town, rng: random.Random, draws: int, *, size: int = SAMPLE) -> float:
    """The same for the places of guards."""
    draw = sampler(town, rng)
    places = [is_hostile(each.peer) for _ in range(draws) for each in draw_guards(draw, rng, size=size)]
    return sum(places) / len(places) / town.hostile_share


def gain_of_last_hundred(town: Town, rng: random.Random) -> float:
    pool = last_hundred(town, rng)
    return sum(is_hostile(each.peer) for each in pool) / len(pool) / town.hostile_share


def fleeting(town: Town, share: float, rng: random.Random) -> Town:
    """The same town where that share of the honest came a minute ago."""
    return Town(
        tuple(
            replace(each, online_s=60.0) if not is_hostile(each.peer) and rng.random() < share else each
            for each in town.forwarders
        )
    )


def exposed_by_replacing(town: Town, rng: random.Random, *, guards: int, devices: int) -> float:
    """The share of devices with a hostile guard when they had that many in a month."""
    draw = sampler(town, rng)
    held = (draw_guards(draw, rng, guards) for _ in range(devices))
    return sum(any(is_hostile(each.peer) for each in those) for those in held) / devices


def found_by_contact(others: int, paths: Paths, rng: random.Random, *, tries: int, asked: int) -> float:
    """T-23: how often a contact with one forwarder among others stands next to the receiver at least once."""
    town = make_town(rng, honest=others, hostile=1)
    draw = sampler(town, rng)
    found = (
        any(is_hostile(path.forwarders[-1]) for path in itertools.islice(paths(draw, rng), asked))
        for _ in range(tries)
    )
    return sum(found) / tries


def report(scale: int, rng: random.Random) -> Iterator[str]:
    """Work out all figures; `scale` 1 takes about a minute."""
    town = make_town(rng)
    rented = make_town(rng, hostile_networks=10)
    yield f"hostile share: {town.hostile_share:.1%}, in ten networks: {rented.hostile_share:.1%}"
    yield f"gain, the hundred that refreshed last: {gain_of_last_hundred(town, rng):.2f}"
    for name, each in (("a network each", town), ("in ten networks", rented)):
        yield f"gain of places, {name}: {gain_of_paths(each, rng, 4_000 * scale):.2f}"
        yield f"gain of guards, {name}: {gain_of_guards(each, rng, 2_000 * scale):.2f}"
    for share in (0.25, 0.5):
        gain = gain_of_guards(fleeting(town, share, rng), rng, 1_000 * scale)
        yield f"gain of guards, {share:.0%} of the honest there for a minute only: {gain:.2f}"
    for kind, paths, pairs in (("without", free_paths, 20), ("with", bound_paths, 200)):
        seen = seen_by_hostile(town, paths, rng, pairs=pairs * scale, messages=MESSAGES)
        linked, exposed = f"pairs linked {seen.pairs:.1%}", f"senders exposed {seen.senders:.1%}"
        yield f"{kind} guards, {MESSAGES} messages: {linked}, {exposed}"
    for guards in (2, 3, 5):
        share = exposed_by_replacing(town, rng, guards=guards, devices=500 * scale)
        yield f"devices with a hostile guard of {guards}: {share:.1%}"
    for others in (8, 100):
        for kind, paths in (("without", free_paths), ("with", bound_paths)):
            found = found_by_contact(others, paths, rng, tries=60 * scale, asked=240)
            yield f"T-23, 240 paths, one forwarder beside {others}, {kind} guards: {found:.1%}"


if __name__ == "__main__":
    for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else 1, random.Random(3)):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
