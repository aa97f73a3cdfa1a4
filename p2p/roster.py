"""Presence as the worker reads it: who could forward, where a user can be reached, which links are open.

Spec: docs/spec/store.md, section "Peers"
"""

import json
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mesa import store
from p2p import scripts, store_keys
from p2p.pathfinding import Candidate, Pair
from p2p.records import DeviceKey, LinkKey, Offer, Peer, PeerId, UserKey, moment
from p2p.store_keys import milliseconds

SAMPLE: Final = 100
BLAME_LIMIT: Final = 3
WANTED_EVERY_S: Final = 2

FIELDS: Final = ["user", "device", "network", "onion_key", "closed"]

Links = dict[Pair, LinkKey]


@dataclass(frozen=True, slots=True)
class Survey:
    """Who could forward, the records of all (and of the ends), and the links that are open among them."""

    candidates: list[Candidate]
    peers: dict[PeerId, Peer]
    links: Links


class NoOffer(Exception):
    """A peer of the path has no offer in stock."""

    def __init__(self, peer: PeerId) -> None:
        super().__init__()
        self.peer = peer


def find_peers(peer_ids: Sequence[PeerId]) -> dict[PeerId, Peer]:
    """Read the records of peers; those the store does not have are left out."""
    with store.client().pipeline(transaction=False) as batch:
        for peer_id in peer_ids:
            batch.hmget(store_keys.peer(peer_id), FIELDS)
        return _to_peers(peer_ids, batch.execute())


def find_peer(peer_id: PeerId) -> Peer | None:
    """Read one peer's record."""
    return find_peers([peer_id]).get(peer_id)


def find_reachable(devices: Iterable[DeviceKey]) -> list[Peer]:
    """Read the peers of devices, those that can be reached now."""
    names = [store_keys.device(device) for device in devices]
    peer_ids = [PeerId(text) for text in store.client().mget(names) if text] if names else []
    return [peer for peer in find_peers(peer_ids).values() if peer.is_reachable]


def find_reachable_of(user: UserKey) -> list[Peer]:
    """Read all peers of a user that can be reached now."""
    devices = sorted(store.client().smembers(store_keys.devices(user)))
    return find_reachable([DeviceKey(device) for device in devices])


def survey(ends: Sequence[Peer], *, avoided: Collection[PeerId], now: datetime, rng: random.Random) -> Survey:
    """Look who could forward between two ends, and which links are open among all of them."""
    seen = _sample_forwarders(now, rng)
    peer_ids = list(seen)
    everybody = list(dict.fromkeys([*(end.peer for end in ends), *peer_ids]))
    with store.client().pipeline(transaction=False) as batch:
        for peer_id in peer_ids:
            batch.hmget(store_keys.peer(peer_id), FIELDS)
        for peer_id in everybody:
            batch.hgetall(store_keys.links(peer_id))
        found = batch.execute()
    known = _to_peers(peer_ids, found[: len(peer_ids)])
    peers = [peer for peer in known.values() if peer.is_reachable]
    blamed = _read_blame(peers)
    candidates = [
        Candidate(
            peer=peer.peer,
            account=peer.user,
            network=peer.network,
            age_s=max(0.0, now.timestamp() - seen[peer.peer]),
            in_favour=blamed[peer.user] < BLAME_LIMIT and peer.peer not in avoided,
        )
        for peer in peers
    ]
    by_id = {peer.peer: peer for peer in (*peers, *ends)}
    return Survey(candidates, by_id, _to_links(everybody, found[len(peer_ids) :]))


def _sample_forwarders(now: datetime, rng: random.Random) -> dict[PeerId, float]:
    """Draw up to SAMPLE of all peers that offered to forward within 120 s, each as likely as any other."""
    with store.client().pipeline() as batch:
        oldest = (now - store_keys.FORWARDER_AGE).timestamp()
        batch.zremrangebyscore(store_keys.FORWARDERS, "-inf", oldest)
        batch.zcard(store_keys.FORWARDERS)
        batch.zrange(store_keys.FORWARDERS, 0, SAMPLE - 1, withscores=True)
        _, count, entries = batch.execute()
    if count > SAMPLE:
        with store.client().pipeline(transaction=False) as batch:
            for rank in rng.sample(range(count), SAMPLE):
                batch.zrange(store_keys.FORWARDERS, rank, rank, withscores=True)
            entries = [entry for found in batch.execute() for entry in found]
    return {PeerId(name): float(score) for name, score in entries}


def _read_blame(peers: Sequence[Peer]) -> dict[UserKey, int]:
    if not peers:
        return {}
    counts = store.client().mget([store_keys.blame(peer.user) for peer in peers])
    return {peer.user: int(count or 0) for peer, count in zip(peers, counts, strict=True)}


def _to_links(peer_ids: Sequence[PeerId], found: Sequence[dict[str, str]]) -> Links:
    """Take of two links between the same peers the lower id: glare leaves both open."""
    among = set(peer_ids)
    links: Links = {}
    for peer_id, others in zip(peer_ids, found, strict=True):
        for link, other in sorted(others.items(), reverse=True):
            if other in among:
                links[frozenset({peer_id, PeerId(other)})] = LinkKey(link)
    return links


def pop_offers(peer_ids: Sequence[PeerId]) -> list[Offer]:
    """Take one offer from each of these peers, or none at all.

    Raises:
        NoOffer: somebody's stock is empty.
    """
    if not peer_ids:
        return []
    keys = [name for peer in peer_ids for name in (store_keys.offers(peer), store_keys.taken(peer))]
    answer = scripts.OFFERS_POP.run(keys, [milliseconds(store_keys.PEER_TTL)])
    if answer[0] == "empty":
        raise NoOffer(peer_ids[int(answer[1])])
    return [json.loads(offer) for offer in answer[1:]]


def may_ask_for_offer(peer_id: PeerId) -> bool:
    """Tell whether a peer was not asked for a live offer just now."""
    return bool(store.client().set(store_keys.wanted(peer_id), "1", nx=True, ex=WANTED_EVERY_S))


def blame(user: UserKey, *, reporter: UserKey | None = None) -> None:
    """Count a failure against a user and against who reports it, for a minute.

    A reporter out of favour is not believed: reports must not be a way to thin out the others.
    """
    if reporter is None or _count_blame(reporter) <= BLAME_LIMIT:
        _count_blame(user)


def _count_blame(user: UserKey) -> int:
    with store.client().pipeline() as batch:
        batch.incr(store_keys.blame(user))
        batch.expire(store_keys.blame(user), store_keys.BLAME_TTL)
        return int(batch.execute()[0])


def _to_peers(peer_ids: Sequence[PeerId], found: Sequence[Sequence[str | None]]) -> dict[PeerId, Peer]:
    return {
        peer_id: Peer(
            peer=peer_id,
            user=UserKey(user),
            device=DeviceKey(device or ""),
            network=network or "",
            onion_key=onion_key or "",
            closed=moment(closed) if closed else None,
        )
        for peer_id, (user, device, network, onion_key, closed) in zip(peer_ids, found, strict=True)
        if user
    }
