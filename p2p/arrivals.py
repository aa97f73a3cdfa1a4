"""What follows when a user comes online, a peer is gone, or somebody watches for a contact.

Spec: docs/spec/transactions.md, section "Arrivals and departures"
"""

import random
from collections.abc import Sequence
from datetime import datetime

from accounts.models import DeliveryToken
from mesa import deadlines, store
from p2p import limits, links, path_store, roster, store_keys, turns
from p2p.attempts import Failure, fail_attempt
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.to_peer import ContactOnline
from p2p.protocol.words import Cause
from p2p.pushing import push_frames
from p2p.records import PeerId, TxKey, UserKey


def announce_user(*, user: UserKey, now: datetime) -> None:
    """Wake what waits for a user that came online, and tell who watches."""
    due = deadlines.due_at("online", user)
    reachable = roster.find_reachable_of(user)
    if any(peer.is_known(now) for peer in reachable):
        waiting = sorted(store.client().smembers(store_keys.waiting(user)))
        turns.wake([TxKey(tx) for tx in waiting], now=now)
        _tell_watchers(user)
    # Who came after this was due has a time of its own, which must neither come early nor be lost.
    next_due = roster.known_from(reachable, now)
    if due is not None and next_due is not None:
        deadlines.reschedule("online", user, next_due, expected=due)
    elif due is not None:
        deadlines.clear("online", user, expected=due)


def _tell_watchers(user: UserKey) -> None:
    """Tell who watches for a user; whose token was deleted meanwhile is forgotten instead."""
    watchers = sorted(store.client().smembers(store_keys.watchers(user)))
    pairs = [(PeerId(peer_id), digest) for peer_id, _, digest in (each.partition(" ") for each in watchers)]
    alive = dict(_owners(sorted({digest for _, digest in pairs})))
    _tell([(peer_id, digest) for peer_id, digest in pairs if alive.get(digest) == user])
    with store.client().pipeline() as batch:
        for peer_id, digest in pairs:
            if alive.get(digest) != user:
                batch.srem(store_keys.watchers(user), f"{peer_id} {digest}")
            batch.srem(store_keys.unanswered(peer_id), digest)
        batch.execute()


def resolve_watch(*, peer_id: PeerId, now: datetime, rng: random.Random) -> None:
    """Find whose tokens a peer watches; who is online already is told after the same delay as an arrival."""
    peer = roster.find_peer(peer_id)
    digests = sorted(store.client().smembers(store_keys.unanswered(peer_id)))
    if peer is None or peer.closed is not None or not digests:
        return
    _note_watched(peer_id, _owners(digests))
    deadlines.schedule("watch", peer_id, now + limits.online_delay(rng))


def _note_watched(peer_id: PeerId, owners: Sequence[tuple[str, UserKey]]) -> None:
    with store.client().pipeline() as batch:
        for digest, user in owners:
            batch.hset(store_keys.watched(peer_id), digest, user)
            batch.sadd(store_keys.watchers(user), f"{peer_id} {digest}")
            batch.expire(store_keys.watchers(user), store_keys.PEER_TTL)
        batch.expire(store_keys.watched(peer_id), store_keys.PEER_TTL)
        batch.execute()


def _owners(digests: Sequence[str]) -> list[tuple[str, UserKey]]:
    """Find whom each live token among these digests reaches."""
    rows = DeliveryToken.objects.filter(pk__in=[b64_bytes(digest) for digest in digests])
    found = rows.values_list("digest", "recipient_id")
    return [(b64_text(bytes(digest)), UserKey(str(user))) for digest, user in found]


def answer_watch(*, peer_id: PeerId, now: datetime) -> None:
    """Tell a peer which of the contacts it has asked for lately are online, some of them in each turn."""
    due = deadlines.due_at("watch", peer_id)
    waiting = sorted(store.client().smembers(store_keys.unanswered(peer_id)))
    digests, rest = waiting[: limits.ANSWERED_AT_ONCE], waiting[limits.ANSWERED_AT_ONCE :]
    owners = _owners(digests)
    # Once more: the worker that was to note them may have died.
    _note_watched(peer_id, owners)
    # Each user once: many tokens of one account must not cost more than one.
    is_online = {user: _is_known_online(user) for user in {user for _, user in owners}}
    _tell([(peer_id, digest) for digest, user in owners if is_online[user]])
    if digests:
        store.client().srem(store_keys.unanswered(peer_id), *digests)
    peer = roster.find_peer(peer_id) if rest else None
    if peer is not None:
        turns.ask(peer.user, f"watch:{peer_id}", now=now)
    elif due is not None:
        deadlines.clear("watch", peer_id, expected=due)


def drop_peer(*, peer_id: PeerId, now: datetime) -> None:
    """Fail the paths of a peer whose socket stayed closed, and drop its links and offers."""
    due = deadlines.due_at("gone", peer_id)
    peer = roster.find_peer(peer_id)
    if peer is None or peer.closed is None:
        deadlines.cancel("gone", peer_id)
        return
    if now < peer.closed + limits.CLOSED_GRACE:
        return
    for tx, attempt in sorted(path_store.live_attempts(peer_id)):
        if fail_attempt(Failure(tx, attempt, Cause.PEER_GONE, [peer_id]), now=now):
            roster.blame(peer.user)
    links.drop_links(peer, now=now)
    # A socket that resumes from here on has been away: its coming back is told after a delay again.
    store.client().hdel(store_keys.peer(peer_id), "known")
    store.client().delete(store_keys.offers(peer_id), store_keys.hops(peer_id))
    if due is not None:
        deadlines.clear("gone", peer_id, expected=due)


def _is_known_online(user: UserKey) -> bool:
    """Tell whether a user is online and has been announced; else the announcement will tell."""
    return deadlines.due_at("online", user) is None and bool(roster.find_reachable_of(user))


def _tell(watchers: Sequence[tuple[PeerId, str]]) -> None:
    """Tell peers, all at once, that whom a digest reaches is online."""
    peers = roster.find_peers(sorted({peer_id for peer_id, _ in watchers}))
    devices = {peer_id: peer.device for peer_id, peer in peers.items() if peer.closed is None}
    told = [(peer_id, digest) for peer_id, digest in watchers if peer_id in devices]
    push_frames((devices[peer_id], ContactOnline(b64_bytes(digest))) for peer_id, digest in told)
