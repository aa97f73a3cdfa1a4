"""Presence as the worker reads it: who can be reached and where, what stock they have, who failed lately.

Spec: docs/spec/store.md, section "Peers"
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from mesa import store
from p2p import limits, scripts, store_keys
from p2p.records import DeviceKey, Offer, Peer, PeerId, UserKey, moment
from p2p.store_keys import milliseconds

BLAME_LIMIT: Final = 3
WANTED_EVERY_S: Final = 2
MAX_ASKED: Final = 16

# What scripts look at comes first.
FIELDS: Final = ["user", "closed", "onion_key", "device", "network", "known", "since", "guarded"]


@dataclass(frozen=True, slots=True)
class Reach:
    """The ends of a path to be, as far as they can be reached now: the sender, all peers of the recipient.

    `can_begin`: the sender has an offer in stock or an open link, else no path can begin there. `tickets`:
    what each of them has shown, or was given on its socket.
    """

    sender: Peer | None
    can_begin: bool
    receivers: list[Peer]
    tickets: dict[PeerId, list[str]]


class NoOffer(Exception):
    """Peers of the path have no offer in stock."""

    def __init__(self, peers: Sequence[PeerId]) -> None:
        super().__init__()
        self.peers = peers


def find_peers(peer_ids: Sequence[PeerId]) -> dict[PeerId, Peer]:
    """Read the records of peers; those the store does not have are left out."""
    with store.client().pipeline(transaction=False) as batch:
        for peer_id in peer_ids:
            batch.hmget(store_keys.peer(peer_id), FIELDS)
        return to_peers(peer_ids, batch.execute())


def find_peer(peer_id: PeerId) -> Peer | None:
    """Read one peer's record."""
    return find_peers([peer_id]).get(peer_id)


def find_ends(owner: DeviceKey, recipient: UserKey | None) -> Reach:
    """Read the sender's peer and all peers of the recipient, those that can be reached now, in one go."""
    found = json.loads(scripts.FIND_ENDS.run([], [scripts.PREFIX, owner, recipient or "", *FIELDS]))
    sender, *receivers = [to_peers([PeerId(each[0])], [each[1]]) if each else {} for each in found]
    return Reach(
        sender=next(iter(_reachable(sender)), None),
        can_begin=bool(found[0] and found[0][3]),
        receivers=[peer for each in receivers for peer in _reachable(each)],
        tickets={PeerId(each[0]): sorted(each[2]) for each in found if each},
    )


def _reachable(peers: dict[PeerId, Peer]) -> list[Peer]:
    return [peer for peer in peers.values() if peer.is_reachable]


def known_from(peers: Iterable[Peer], now: datetime) -> datetime | None:
    """When the first of these peers becomes known to others; None: none of them will."""
    return min((peer.known for peer in peers if peer.known and not peer.is_known(now)), default=None)


def find_reachable(devices: Iterable[DeviceKey]) -> list[Peer]:
    """Read the peers of devices, those that can be reached now."""
    names = [store_keys.device(device) for device in devices]
    peer_ids = [PeerId(text) for text in store.client().mget(names) if text] if names else []
    return _reachable(find_peers(peer_ids))


def find_reachable_of(user: UserKey) -> list[Peer]:
    """Read all peers of a user that can be reached now."""
    devices = sorted(store.client().smembers(store_keys.devices(user)))
    return find_reachable([DeviceKey(device) for device in devices])


def find_forwarding(peer_ids: Iterable[PeerId], *, now: datetime) -> dict[PeerId, Peer]:
    """Read those of some peers that can be reached and offered to forward within 120 s."""
    listed = list(peer_ids)
    if not listed:
        return {}
    oldest = (now - store_keys.FORWARDER_AGE).timestamp()
    scores = store.client().zmscore(store_keys.FORWARDERS, listed)
    fresh = [peer_id for peer_id, score in zip(listed, scores, strict=True) if score and score >= oldest]
    return {peer.peer: peer for peer in _reachable(find_peers(fresh))}


def pop_offers(peer_ids: Sequence[PeerId]) -> list[Offer]:
    """Take one offer from each of these peers, or none at all.

    Raises:
        NoOffer: the stocks of some of them are empty.
    """
    if not peer_ids:
        return []
    keys = [name for peer in peer_ids for name in (store_keys.offers(peer), store_keys.taken(peer))]
    answer = scripts.OFFERS_POP.run(keys, [milliseconds(store_keys.PEER_TTL)])
    if answer[0] == "empty":
        raise NoOffer([peer_ids[int(at)] for at in answer[1:]])
    return [json.loads(offer) for offer in answer[1:]]


def may_ask_for_offer(peer_id: PeerId) -> bool:
    """Tell whether a peer was not asked for a live offer just now."""
    return bool(store.client().set(store_keys.wanted(peer_id), "1", nx=True, ex=WANTED_EVERY_S))


def minute_of(now: datetime) -> int:
    """Number the minute of a time, from 1970."""
    return int(now.timestamp() // 60)


def end_of_minute(now: datetime) -> datetime:
    """When the next minute begins."""
    return datetime.fromtimestamp((minute_of(now) + 1) * 60, UTC)


def may_look(user: UserKey, minute: int) -> bool:
    """Count a look for an account, and tell whether it is within the account's number for this minute."""
    return _count(store_keys.looks(user, minute), store_keys.LOOKS_TTL) <= limits.LOOKS_PER_MINUTE_OF_ACCOUNT


def may_look_after_guards(user: UserKey, minute: int) -> bool:
    """Count a look after guards for an account, and tell whether it is within the account's number."""
    count = _count(store_keys.guard_looks(user, minute), store_keys.LOOKS_TTL)
    return count <= limits.GUARD_LOOKS_PER_MINUTE_OF_ACCOUNT


def blame(user: UserKey, *, reporter: Peer | None = None, network: str = "") -> None:
    """Count a failure against a user, who is in `network`, and against who reports it, for a minute.

    A reporter out of favour is not believed, nor one from whose network as many reports came as put somebody
    out of favour: reports, or many accounts that report, must not be a way to thin out the others (T-05). Nor
    must failures that they have to report: those of one network put one reporter out of favour at most.
    """
    if reporter is None or _is_believed(reporter, about=network or user):
        _count(store_keys.blame(user))


def _is_believed(reporter: Peer, *, about: str) -> bool:
    of_reporter = store_keys.blame(reporter.user)
    is_news = _count(store_keys.reported(about)) <= BLAME_LIMIT
    counts = [_count(of_reporter) if is_news else 1 + int(store.client().get(of_reporter) or 0)]
    if reporter.network:
        counts.append(_count(store_keys.reports(reporter.network)))
    return max(counts) <= BLAME_LIMIT


def _count(name: str, life: timedelta = store_keys.BLAME_TTL) -> int:
    with store.client().pipeline() as batch:
        batch.incr(name)
        batch.expire(name, life)
        return int(batch.execute()[0])


def to_peers(peer_ids: Sequence[PeerId], found: Sequence[Sequence[str | None]]) -> dict[PeerId, Peer]:
    """Read what records say under FIELDS; who has no record is left out."""
    return {
        peer_id: Peer(
            peer=peer_id,
            user=UserKey(user),
            device=DeviceKey(device or ""),
            network=network or "",
            onion_key=onion_key or "",
            closed=moment(closed) if closed else None,
            known=moment(known) if known else None,
            since=moment(since) if since else None,
            is_guarded=bool(guarded),
        )
        for peer_id, (user, closed, onion_key, device, network, known, since, guarded) in zip(
            peer_ids, found, strict=True
        )
        if user
    }
