"""Give a device tickets for guards: where it has place for one, and for those under a former secret.

Spec: docs/spec/guards.md, section "Server must"
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from p2p import roster, scripts, store_keys
from p2p.guards import PLACES, PLACES_IN_CONFLICT, Standing, choose_guards
from p2p.held_guards import HeldGuard, peers_of, read_tickets, standing, tickets_of
from p2p.pathfinding import Candidate
from p2p.protocol.fields import b64_text
from p2p.records import Peer, PeerId
from p2p.store_keys import milliseconds
from p2p.surveying import Scope, survey
from p2p.tickets import Grant, make_grant, seal_ticket


@dataclass(frozen=True, slots=True)
class Holdings:
    """The guards that a device holds, by their grants. `fresh`: whose tickets it has to be sent."""

    held: tuple[HeldGuard, ...]
    fresh: frozenset[bytes] = frozenset()


def renew_holdings(peer: Peer, *, now: datetime, rng: random.Random) -> Holdings:
    """Read a peer's tickets, seal anew what has to be, and fill its free places."""
    (texts,) = tickets_of([peer])
    held = read_tickets(texts, peer.device, now)
    new = [_sealed(each.grant, peer) for each in held if each.is_outdated]
    if len(held) < PLACES:
        # Whether they have offers or not: who empties stocks must not choose guards (T-23).
        willing = survey([peer], Scope(), now=now, rng=rng).willing
        near = [_as_standing(peer), *_others(held, now)]
        drawn = choose_guards(willing, near, PLACES - len(held), rng)
        new += _granted(peer, drawn, now)
    return _give(peer, texts, held, new)


def grant_in_conflict(
    peer: Peer,
    candidates: Sequence[Candidate],
    near: Collection[Standing],
    *,
    now: datetime,
    rng: random.Random,
) -> Holdings:
    """Give an end one more guard, since with those it has there is no path to the other."""
    (texts,) = tickets_of([peer])
    held = read_tickets(texts, peer.device, now)
    drawn = choose_guards(candidates, near, 1, rng) if len(held) < PLACES_IN_CONFLICT else []
    return _give(peer, texts, held, _granted(peer, drawn, now))


def _others(held: Sequence[HeldGuard], now: datetime) -> list[Standing]:
    """Give the guards that are held; of one that is away nobody knows where it stands."""
    present = {each.account: each for each in standing(held, roster.find_forwarding(peers_of(held), now=now))}
    accounts = [each.grant.account for each in held]
    return [present.get(account, Standing(PeerId(""), account, "")) for account in accounts]


def _as_standing(peer: Peer) -> Standing:
    return Standing(peer.peer, peer.user, peer.network)


def _granted(peer: Peer, drawn: Sequence[Candidate], now: datetime) -> list[HeldGuard]:
    peers = roster.find_peers([each.peer for each in drawn]).values()
    return [_sealed(make_grant(each.device, each.user, now=now), peer) for each in peers]


def _sealed(grant: Grant, holder: Peer) -> HeldGuard:
    return HeldGuard(b64_text(seal_ticket(grant, holder=holder.device)), grant, is_outdated=False)


def _give(peer: Peer, texts: Sequence[str], held: Sequence[HeldGuard], new: Sequence[HeldGuard]) -> Holdings:
    """Note new tickets; nothing is given when another worker was faster, or the device shows others."""
    keys = [store_keys.tickets(peer.peer), store_keys.peer(peer.peer)]
    args = [milliseconds(store_keys.PEER_TTL), len(texts), *texts, *(each.ticket for each in new)]
    if not new or not scripts.TICKETS_GIVE.run(keys, args):
        return Holdings(tuple(held))
    by_name = {each.grant.name: each for each in (*held, *new)}
    ordered = sorted(by_name.values(), key=lambda each: (each.grant.granted, each.grant.name))
    return Holdings(tuple(ordered), frozenset(each.grant.name for each in new))
