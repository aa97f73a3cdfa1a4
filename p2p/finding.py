"""Find a path for a transaction, take the offers it needs, and tell all five peers at once.

Spec: docs/spec/transactions.md, steps 4 to 8
"""

import random
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from accounts.delivery import recipient_of
from mesa import deadlines, store
from p2p import limits, path_store, roster, store_keys
from p2p.models import P2PPath, P2PTransaction, to_the_minute
from p2p.orders import Attempt, write_orders, write_path_ready
from p2p.path_store import Fields, NewPath
from p2p.pathfinding import NO_GUARDS, End, Ends, Path, TooFew, choose_path
from p2p.protocol import ids
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.to_peer import AttemptFailed, OfferWanted
from p2p.protocol.words import Cause
from p2p.pushing import push_frame, push_frames
from p2p.records import (
    DeviceKey,
    HopKey,
    LinkKey,
    Offer,
    PathRecord,
    Peer,
    PeerId,
    Tx,
    TxKey,
    TxState,
    UserKey,
)
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

    Safe to call at any time and twice: a transaction that wants none is left alone. Who comes while another
    worker is at it makes that one look again: the offer that woke it came too late for the first look.
    """
    for _ in range(limits.MAX_LOOKS):
        leased = path_store.lease(tx_key)
        if leased is None:
            return
        is_wanted = False
        try:
            if leased.tx is not None and wants_path(leased.tx, now):
                _look(leased.tx, now=now, rng=rng)
        finally:
            is_wanted = path_store.release(tx_key, leased)
        if not is_wanted:
            return


def _look(tx: Tx, *, now: datetime, rng: random.Random) -> None:
    begun = begin_attempt(tx, now=now, rng=rng)
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
    free_at = _free_again_at(tx, now)
    if free_at is not None:
        _hold_back(tx, free_at)
        return None
    sender, receivers = roster.find_ends(tx.owner, _living_recipient(tx))
    # Who came online just now is not there yet: posting again must not tell before the announcement (T-16).
    receiver = _choose_receiver(tx, [peer for peer in receivers if peer.is_known(now)])
    if receiver is None:
        _wait_for_recipient(tx)
        return None
    if sender is None:
        _wait(tx, Missed(Cause.PEER_GONE), now)
        return None
    outcome = _draw(tx, sender, receiver, now, rng)
    if isinstance(outcome, Missed):
        _wait(tx, outcome, now)
        return None
    number = _put(tx, outcome, now)
    return None if number is None else (Attempt(tx.tx, number), outcome)


def hand_out(attempt: Attempt, found: Found, *, now: datetime, rng: random.Random) -> None:
    """Tell all five peers at once, so that all links come up in parallel, and note the attempt.

    The orders leave in an order by lot: whoever sees when they leave must not see the path.
    """
    orders = write_orders(found.new.path, found.offers, rng)
    frames: list[tuple[DeviceKey, FrameToPeer]] = [
        (peer.device, order) for peer, order in zip(found.peers, orders, strict=True)
    ]
    rng.shuffle(frames)
    frames.append((found.peers[0].device, write_path_ready(attempt, found.new.path, found.peers)))
    push_frames(frames)
    # Nobody has to wait for the row: it is what operators count.
    _note_attempt(attempt, now)


def _free_again_at(tx: Tx, now: datetime) -> datetime | None:
    """When the next attempt may begin, if the transaction or its account had its fill of them this minute."""
    minute = minute_of(now)
    is_spent = tx.minute == minute and tx.spent >= limits.ATTEMPTS_PER_MINUTE
    of_account = int(store.client().get(store_keys.spent(tx.sender, minute)) or 0)
    if not is_spent and of_account < limits.ATTEMPTS_PER_MINUTE_OF_ACCOUNT:
        return None
    return datetime.fromtimestamp((minute + 1) * 60, UTC)


def minute_of(now: datetime) -> int:
    """Number the minute of a time, from 1970."""
    return int(now.timestamp() // 60)


def _living_recipient(tx: Tx) -> UserKey | None:
    """Tell whom the transaction reaches now: nobody once its token is deleted, so blocking ends it, too."""
    if tx.recipient is None or tx.recipient == tx.sender:
        return None
    return tx.recipient if str(recipient_of(b64_bytes(tx.digest))) == tx.recipient else None


def _choose_receiver(tx: Tx, reachable: Sequence[Peer]) -> Peer | None:
    """Take the device of the first path while it can be reached, else another one of the recipient."""
    kept = [peer for peer in reachable if peer.device == tx.device]
    return next(iter(kept or reachable), None)


def _draw(tx: Tx, sender: Peer, receiver: Peer, now: datetime, rng: random.Random) -> Found | Missed:
    """Draw forwarders and take the offers needed; after a miss nobody without offers is drawn again."""
    ends = Ends(End(sender.peer, sender.user), End(receiver.peer, receiver.user))
    survey = roster.survey(tx.tx, [sender, receiver], now=now, rng=rng)
    left_out: set[PeerId] = set()
    for _ in range(limits.MAX_DRAWS):
        candidates = [each for each in survey.candidates if each.peer not in left_out]
        path = choose_path(candidates, ends, NO_GUARDS, survey.links.keys(), rng)
        if isinstance(path, TooFew):
            is_asked = _ask_dry_ones(tx, survey, {sender.user, receiver.user}, now, rng)
            return Missed(Cause.NO_OFFER) if is_asked else Missed(Cause.TOO_FEW_FORWARDERS, path.found)
        try:
            return _take(path, survey)
        except NoOffer as miss:
            for peer_id in miss.peers:
                _ask_for_offer(tx, survey.peers[peer_id], now)
            if sender.peer in miss.peers:
                break
            left_out |= survey.dry | set(miss.peers)
    return Missed(Cause.NO_OFFER)


def _ask_dry_ones(
    tx: Tx, survey: roster.Survey, ends: Collection[UserKey], now: datetime, rng: random.Random
) -> bool:
    """Ask some of those without offers who may still answer; False: there is nobody to wait for."""
    askable = [peer_id for peer_id in survey.askable if survey.peers[peer_id].user not in ends]
    for peer_id in rng.sample(askable, min(len(askable), roster.MAX_ASKED)):
        _ask_for_offer(tx, survey.peers[peer_id], now)
    return bool(askable)


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


def _ask_for_offer(tx: Tx, peer: Peer, now: datetime) -> None:
    """Ask a peer with an empty stock for a live offer; the transaction is woken when it comes."""
    with store.client().pipeline() as batch:
        batch.sadd(store_keys.offer_waits(peer.peer), tx.tx)
        batch.expire(store_keys.offer_waits(peer.peer), store_keys.OFFER_WAIT_TTL)
        batch.sadd(store_keys.asked(tx.tx), peer.peer)
        batch.expire(store_keys.asked(tx.tx), store_keys.OFFER_WAIT_TTL)
        batch.set(store_keys.owed(peer.peer), now.timestamp(), nx=True, ex=store_keys.PEER_TTL)
        batch.execute()
    if roster.may_ask_for_offer(peer.peer):
        push_frame(peer.device, OfferWanted())


def _hold_back(tx: Tx, until: datetime) -> None:
    """Let a transaction wait for its next minute, whoever asks for a path before."""

    def decide(current: Tx, batch: store.Pipeline) -> bool | None:
        if current != tx:
            return None
        path_store.queue_fields(batch, tx.tx, {"not_before": until.timestamp()})
        deadlines.schedule("attempt", tx.tx, min(until, gives_up_at(tx)), batch=batch)
        return True

    path_store.change(tx.tx, decide)


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
        minute = minute_of(now)
        opened: Fields = {
            "state": TxState.OPEN,
            "attempt": tx.attempt + 1,
            "device": found.peers[-1].device,
            "opened": now.timestamp(),
            "aged": now.timestamp(),
            "used": now.timestamp(),
            "receipted": 0,
            "told": "",
            "kept": 0,
            "minute": minute,
            "spent": 1 + (current.spent if current.minute == minute else 0),
        }
        path_store.queue_fields(batch, tx.tx, opened)
        batch.incr(store_keys.spent(tx.sender, minute))
        batch.expire(store_keys.spent(tx.sender, minute), store_keys.SPENT_TTL)
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
