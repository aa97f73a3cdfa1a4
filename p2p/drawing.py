"""Draw who forwards for a transaction, and take the offers that its new links need.

Spec: docs/spec/pathfinding.md
"""

import random
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from p2p import limits, roster, sampling
from p2p.binding import guards_for, read_bound
from p2p.conflicts import help_in_conflict
from p2p.path_store import NewPath
from p2p.pathfinding import End, Ends, Path, TooFew, choose_path
from p2p.protocol import ids
from p2p.protocol.fields import b64_text
from p2p.protocol.words import Cause
from p2p.records import HopKey, LinkKey, Offer, PathRecord, Peer, PeerId, Tx
from p2p.roster import NoOffer
from p2p.waiting import Missed, ask_for_offer


@dataclass(frozen=True, slots=True)
class Found:
    """A path whose offers are taken: its peers, what will be put, the offer for each link to be opened."""

    peers: tuple[Peer, ...]
    new: NewPath
    offers: dict[LinkKey, Offer]


def draw(tx: Tx, sender: Peer, receiver: Peer, *, now: datetime, rng: random.Random) -> Found | Missed:
    """Draw forwarders and take the offers needed; after a miss nobody without offers is drawn again."""
    look = _Look(tx, sender, receiver, now, rng)
    for _ in range(limits.MAX_DRAWS):
        path = look.choose()
        if isinstance(path, TooFew):
            return look.missed(path)
        try:
            return _take(path, look.survey)
        except NoOffer as miss:
            look.ask(miss.peers)
            if sender.peer in miss.peers:
                break
    return Missed(Cause.NO_OFFER)


class _Look:
    """One look for a path: few who could forward are looked at first, many if there is none among these."""

    def __init__(self, tx: Tx, sender: Peer, receiver: Peer, now: datetime, rng: random.Random) -> None:
        self.tx, self.both, self.now, self.rng = tx, (sender, receiver), now, rng
        self.ends = Ends(End(sender.peer, sender.user), End(receiver.peer, receiver.user))
        self.bound = read_bound(tx, sender, receiver, now)
        self.left_out: set[PeerId] = set()
        self._survey(sampling.FEW)

    def _survey(self, most: int) -> None:
        self.survey = roster.survey(
            self.tx.tx, self.both, guards=self.bound.peers, most=most, now=self.now, rng=self.rng
        )
        self.guards = guards_for(self.bound, self.survey, {end.user for end in self.both})

    def choose(self) -> Path | TooFew:
        """Draw a path of peers who were not left out."""
        path = self._choose()
        if isinstance(path, TooFew) and self.survey.is_part:
            self._survey(sampling.MANY)
            path = self._choose()
        return path

    def _choose(self) -> Path | TooFew:
        candidates = [each for each in self.survey.candidates if each.peer not in self.left_out]
        return choose_path(candidates, self.ends, self.guards, self.survey.links.keys(), self.rng)

    def ask(self, peers: Collection[PeerId]) -> None:
        """Ask peers for the offers that they lack, and leave out whoever has none."""
        for peer_id in peers:
            ask_for_offer(self.tx, self.survey.peers[peer_id], self.now)
        self.left_out |= self.survey.dry | set(peers)

    def missed(self, path: TooFew) -> Missed:
        """Do what may bring a path later, and say what is missing."""
        if not self.left_out:
            help_in_conflict(self.survey, self.bound, self.both, now=self.now, rng=self.rng)
        if self._may_come() and self._ask_dry_ones():
            return Missed(Cause.NO_OFFER)
        return Missed(Cause.TOO_FEW_FORWARDERS, path.found)

    def _may_come(self) -> bool:
        """Tell whether offers could bring a path: not while an end's guards are away."""
        return self.guards.sender != [] and self.guards.receiver != []

    def _ask_dry_ones(self) -> bool:
        """Ask guards and some others without offers who may still answer; False: nobody to wait for."""
        of_ends = {end.user for end in self.both}
        peers = self.survey.peers
        askable = [peer_id for peer_id in self.survey.askable if peers[peer_id].user not in of_ends]
        bound = {*(self.guards.sender or ()), *(self.guards.receiver or ())}
        by_lot = self.rng.sample(askable, len(askable))
        for peer_id in sorted(by_lot, key=lambda peer_id: peer_id not in bound)[: roster.MAX_ASKED]:
            ask_for_offer(self.tx, peers[peer_id], self.now)
        return bool(askable)


def _take(path: Path, survey: roster.Survey) -> Found:
    """Take the offers for the links that are not open yet: the offer of the peer before, for the one after.

    Raises:
        NoOffer: a peer has none.
    """
    links = roster.links_of_path(path.peers, survey)
    missing = [at for at, hop in enumerate(path.hops) if frozenset(hop) not in links]
    offers = roster.pop_offers([path.peers[at] for at in missing])
    link_keys = [links.get(frozenset(hop)) or LinkKey(_random(ids.LINK_ID_BYTES)) for hop in path.hops]
    record = PathRecord(
        peers=path.peers,
        hops=tuple(HopKey(_random(ids.HOP_ID_BYTES)) for _ in path.hops),
        links=tuple(link_keys),
    )
    peers = tuple(survey.peers[peer_id] for peer_id in path.peers)
    new_links = [link_keys[at] for at in missing]
    new = NewPath(record, tuple(peer.device for peer in peers), frozenset(new_links))
    return Found(peers, new, dict(zip(new_links, offers, strict=True)))


def _random(size: int) -> str:
    return b64_text(secrets.token_bytes(size))
