"""Draw who forwards for a transaction, until a path can be opened.

Spec: docs/spec/pathfinding.md
"""

import random
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from p2p import limits, roster, surveying
from p2p.binding import Bound, guards_for
from p2p.conflicts import help_in_conflict
from p2p.opening import Opened, put
from p2p.path_store import NewPath
from p2p.pathfinding import End, Ends, Path, TooFew, choose_path
from p2p.protocol import ids
from p2p.protocol.fields import b64_text
from p2p.protocol.words import Cause
from p2p.records import HopKey, Peer, PeerId, Tx, UserKey
from p2p.roster import NoOffer
from p2p.surveying import Scope, Survey, survey
from p2p.waiting import Missed, ask_for_offer


@dataclass(frozen=True, slots=True)
class Between:
    """Where a path is to be: its ends, sender first, and the guards that bind it."""

    ends: tuple[Peer, Peer]
    bound: Bound


def draw(tx: Tx, between: Between, *, now: datetime, rng: random.Random) -> Opened | Missed | None:
    """Draw forwarders and open a path; after a miss nobody without offers is drawn again.

    None: another worker was faster.

    Raises:
        TooManyLooks: the sender's account has looked as often as it may.
    """
    look = _Look(tx, between, now, rng)
    sender, _ = between.ends
    for _ in range(limits.MAX_DRAWS):
        path = look.choose()
        if isinstance(path, TooFew):
            return look.missed(path)
        try:
            return put(tx, _to_be_put(path, look.survey), now)
        except NoOffer as miss:
            look.ask(miss.peers)
            if sender.peer in miss.peers:
                break
    return Missed(Cause.NO_OFFER)


class _Look:
    """One look for a path: few who could forward are looked at first, many if there is none among these."""

    def __init__(self, tx: Tx, between: Between, now: datetime, rng: random.Random) -> None:
        self.tx, self.both, self.bound, self.now, self.rng = tx, between.ends, between.bound, now, rng
        sender, receiver = between.ends
        self.ends = Ends(End(sender.peer, sender.user), End(receiver.peer, receiver.user))
        self.left_out: set[PeerId] = set()
        self._survey(surveying.FEW, tx.sender)

    def _survey(self, most: int, look_of: UserKey | None = None) -> None:
        scope = Scope(self.tx.tx, self.bound.devices, most, look_of)
        self.survey = survey(self.both, scope, now=self.now, rng=self.rng)
        self.guards = guards_for(self.bound, self.survey, {end.user for end in self.both})

    def choose(self) -> Path | TooFew:
        """Draw a path of peers who were not left out."""
        path = self._choose()
        if isinstance(path, TooFew) and self.survey.is_part:
            self._survey(surveying.MANY)
            path = self._choose()
        return path

    def _choose(self) -> Path | TooFew:
        candidates = [each for each in self.survey.candidates if each.peer not in self.left_out]
        return choose_path(candidates, self.ends, self.guards, self.survey.links.keys(), self.rng)

    def ask(self, peers: Collection[PeerId]) -> None:
        """Ask peers for the offers that they lack, and leave out whoever has none."""
        for peer_id in peers:
            ask_for_offer(self.tx, self.survey.peer(peer_id), self.now)
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
        peers = {peer_id: self.survey.peer(peer_id) for peer_id in self.survey.askable}
        askable = [peer_id for peer_id, peer in peers.items() if peer.user not in of_ends]
        bound = {*(self.guards.sender or ()), *(self.guards.receiver or ())}
        by_lot = self.rng.sample(askable, len(askable))
        for peer_id in sorted(by_lot, key=lambda peer_id: peer_id not in bound)[: roster.MAX_ASKED]:
            ask_for_offer(self.tx, peers[peer_id], self.now)
        return bool(askable)


def _to_be_put(path: Path, survey: Survey) -> NewPath:
    return NewPath(
        peers=tuple(survey.peer(peer_id) for peer_id in path.peers),
        hops=tuple(HopKey(b64_text(secrets.token_bytes(ids.HOP_ID_BYTES))) for _ in path.hops),
        links=tuple(survey.links.get(frozenset(hop)) for hop in path.hops),
    )
