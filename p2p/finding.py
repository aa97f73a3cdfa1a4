"""Find a path for a transaction, take the offers it needs, and tell all five peers at once.

Spec: docs/spec/transactions.md, steps 4 to 6
"""

import random
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from mesa import deadlines, store
from p2p import limits, path_store, roster, store_keys
from p2p.models import P2PPath, P2PTransaction, to_the_minute
from p2p.orders import Attempt, write_orders, write_path_ready
from p2p.path_store import Fields, NewPath
from p2p.pathfinding import NO_GUARDS, End, Ends, Path, TooFew, choose_path
from p2p.protocol import ids
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.to_peer import AttemptFailed, OfferWanted
from p2p.protocol.words import Cause
from p2p.pushing import push_frame, push_frames
from p2p.records import DeviceKey, HopKey, LinkKey, Offer, PathRecord, Peer, PeerId, Tx, TxKey, TxState
from p2p.roster import NoOffer


@dataclass(frozen=True, slots=True)
class Found:
    """A path whose offers are taken: its peers, what will be put, the offer for each link to be opened."""

    peers: tuple[Peer, ...]
    new: NewPath
    offers: dict[LinkKey, Offer]


@dataclass(frozen=True, slots=True)
class Missed:
    """No path for now, and why; for too few forwarders also how many there are."""

    cause: Cause
    forwarders: int | None = None


def find_path(*, tx_key: TxKey, now: datetime, rng: random.Random) -> None:
    """Give a transaction that wants a path its next attempt, or have it wait for what is missing.

    Safe to call at any time and twice: a transaction that wants none is left alone.
    """
    if not path_store.lease(tx_key):
        return
    try:
        tx = path_store.read(tx_key)
        begun = begin_attempt(tx, now=now, rng=rng) if tx is not None and wants_path(tx, now) else None
    finally:
        path_store.release(tx_key)
    if begun is not None:
        hand_out(*begun, now=now, rng=rng)


def wants_path(tx: Tx, now: datetime) -> bool:
    """Tell whether an attempt may begin now: none is under way, and the back-off is over."""
    return tx.state in (TxState.FINDING, TxState.WAITING) and tx.not_before <= now < gives_up_at(tx)


def gives_up_at(tx: Tx) -> datetime:
    """When a transaction fails unless a receipt comes first."""
    return tx.credited + limits.GIVE_UP_AFTER


def begin_attempt(tx: Tx, *, now: datetime, rng: random.Random) -> tuple[Attempt, Found] | None:
    """Put a path for the next attempt, of which nobody knows yet, or have the transaction wait."""
    receiver = _choose_receiver(tx)
    if receiver is None:
        _wait_for_recipient(tx)
        return None
    senders = roster.find_reachable([tx.owner])
    if not senders:
        _wait(tx, Missed(Cause.PEER_GONE), now)
        return None
    outcome = _draw(tx, senders[0], receiver, now, rng)
    if isinstance(outcome, Missed):
        _wait(tx, outcome, now)
        return None
    number = _put(tx, outcome, now)
    return None if number is None else (Attempt(tx.tx, number), outcome)


def hand_out(attempt: Attempt, found: Found, *, now: datetime, rng: random.Random) -> None:
    """Note an attempt, and tell all five peers at once, so that all links come up in parallel."""
    _note_attempt(attempt, now)
    orders = write_orders(found.new.path, found.offers, rng)
    frames: list[tuple[DeviceKey, FrameToPeer]] = [
        (peer.device, order) for peer, order in zip(found.peers, orders, strict=True)
    ]
    frames.append((found.peers[0].device, write_path_ready(attempt, found.new.path, found.peers)))
    push_frames(frames)


def _choose_receiver(tx: Tx) -> Peer | None:
    """Take the device of the first path while it can be reached, else another one of the recipient."""
    if tx.recipient is None or tx.recipient == tx.sender:
        return None
    reachable = roster.find_reachable_of(tx.recipient)
    kept = [peer for peer in reachable if peer.device == tx.device]
    return next(iter(kept or reachable), None)


def _draw(tx: Tx, sender: Peer, receiver: Peer, now: datetime, rng: random.Random) -> Found | Missed:
    """Draw forwarders and take the offers needed; who turns out to have none is left out of the next draw."""
    ends = Ends(End(sender.peer, sender.user), End(receiver.peer, receiver.user))
    avoided = path_store.read_avoided(tx.tx)
    survey = roster.survey([sender, receiver], avoided=avoided, now=now, rng=rng)
    left_out: set[PeerId] = set()
    for _ in range(limits.MAX_DRAWS):
        candidates = [each for each in survey.candidates if each.peer not in left_out]
        path = choose_path(candidates, ends, NO_GUARDS, survey.links.keys(), rng)
        if isinstance(path, TooFew):
            return Missed(Cause.NO_OFFER) if left_out else Missed(Cause.TOO_FEW_FORWARDERS, path.found)
        try:
            return _take(path, survey)
        except NoOffer as miss:
            _ask_for_offer(tx, survey.peers[miss.peer])
            if miss.peer == sender.peer:
                break
            left_out.add(miss.peer)
    return Missed(Cause.NO_OFFER)


def _take(path: Path, survey: roster.Survey) -> Found:
    """Take the offers for the links that are not open yet: the offer of the peer before, for the one after.

    Raises:
        NoOffer: a peer has none.
    """
    links = survey.links
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


def _ask_for_offer(tx: Tx, peer: Peer) -> None:
    """Ask a peer with an empty stock for a live offer; the transaction is woken when it comes."""
    with store.client().pipeline() as batch:
        batch.sadd(store_keys.offer_waits(peer.peer), tx.tx)
        batch.expire(store_keys.offer_waits(peer.peer), store_keys.OFFER_WAIT_TTL)
        batch.sadd(store_keys.asked(tx.tx), peer.peer)
        batch.expire(store_keys.asked(tx.tx), store_keys.OFFER_WAIT_TTL)
        batch.execute()
    if roster.may_ask_for_offer(peer.peer):
        push_frame(peer.device, OfferWanted())


def _wait_for_recipient(tx: Tx) -> None:
    """Wait until the recipient comes online, silently: blocked, unknown and offline must look alike."""

    def decide(current: Tx, batch: store.Pipeline) -> bool | None:
        if current.attempt != tx.attempt or current.state is TxState.OPEN:
            return None
        path_store.queue_fields(batch, tx.tx, {"state": TxState.WAITING, "cause": Cause.NO_PATH})
        if tx.recipient is not None:
            batch.sadd(store_keys.waiting(tx.recipient), tx.tx)
            batch.expire(store_keys.waiting(tx.recipient), store_keys.WAIT_TTL)
        batch.zrem(store_keys.WAITING_FORWARDERS, tx.tx)
        deadlines.schedule("attempt", tx.tx, gives_up_at(current), batch=batch)
        return True

    path_store.change(tx.tx, decide)


def _wait(tx: Tx, missed: Missed, now: datetime) -> None:
    """Wait for what is missing, look again after RETRY_WAIT, and say so once."""
    told = f"{missed.cause} {missed.forwarders}"

    def decide(current: Tx, batch: store.Pipeline) -> bool | None:
        if current.attempt != tx.attempt or current.state is TxState.OPEN:
            return None
        fields: Fields = {"state": TxState.WAITING, "cause": missed.cause, "told": told}
        path_store.queue_fields(batch, tx.tx, fields)
        if missed.cause is Cause.TOO_FEW_FORWARDERS:
            batch.zadd(store_keys.WAITING_FORWARDERS, {tx.tx: now.timestamp()})
            oldest = (now - store_keys.WAIT_TTL).timestamp()
            batch.zremrangebyscore(store_keys.WAITING_FORWARDERS, "-inf", oldest)
        due = min(now + limits.RETRY_WAIT, gives_up_at(current))
        deadlines.schedule("attempt", tx.tx, due, batch=batch)
        return current.told != told

    if path_store.change(tx.tx, decide) and missed.cause is not Cause.PEER_GONE:
        push_frame(tx.owner, AttemptFailed(tx.id, tx.attempt, missed.cause, missed.forwarders))


def _put(tx: Tx, found: Found, now: datetime) -> int | None:
    """Write the path as the transaction's next attempt; None when another worker was faster."""

    def decide(current: Tx, batch: store.Pipeline) -> int | None:
        if current.attempt != tx.attempt or not wants_path(current, now):
            return None
        path_store.queue_path(batch, current, found.new, now=now)
        opened: Fields = {
            "state": TxState.OPEN,
            "attempt": tx.attempt + 1,
            "device": found.peers[-1].device,
            "opened": now.timestamp(),
            "aged": now.timestamp(),
            "used": now.timestamp(),
            "receipted": 0,
            "told": "",
        }
        path_store.queue_fields(batch, tx.tx, opened)
        batch.zrem(store_keys.WAITING_FORWARDERS, tx.tx)
        batch.srem(store_keys.waiting(found.peers[-1].user), tx.tx)
        deadlines.schedule("attempt", tx.tx, now + limits.RECEIPT_WITHIN, batch=batch)
        return tx.attempt + 1

    return path_store.change(tx.tx, decide)


def _note_attempt(attempt: Attempt, now: datetime) -> None:
    minute = to_the_minute(now)
    with transaction.atomic():
        if not P2PTransaction.objects.alive().filter(pk=attempt.tx).update(attempts=attempt.number):
            # No row: the web process died before it was written. Not alive: it has just ended.
            started = {"attempts": attempt.number, "started": minute}
            _, created = P2PTransaction.objects.get_or_create(pk=attempt.tx, defaults=started)
            if not created:
                return
        P2PPath.objects.create(transaction_id=UUID(attempt.tx), attempt=attempt.number, started=minute)
