"""Find a path for a transaction, take the offers it needs, and tell all five peers at once.

Spec: docs/spec/transactions.md, steps 4 to 8
"""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import transaction

from accounts.delivery import recipient_of
from mesa import deadlines, store
from p2p import guarding, limits, path_store, roster, store_keys
from p2p.drawing import Found, draw
from p2p.models import P2PPath, P2PTransaction, to_the_minute
from p2p.orders import Attempt, write_orders, write_path_ready
from p2p.path_store import Fields
from p2p.protocol.fields import b64_bytes
from p2p.protocol.frames import FrameToPeer
from p2p.pushing import push_frames
from p2p.records import (
    DeviceKey,
    Peer,
    Tx,
    TxKey,
    TxState,
    UserKey,
)
from p2p.roster import end_of_minute, minute_of
from p2p.waiting import (
    Missed,
    gives_up_at,
    hold_back,
    looks_at,
    wait_for_others,
    wait_for_own_offer,
    wait_for_recipient,
    wait_for_sender,
)


class Look(Protocol):
    """Looks for a path for a transaction that wants one."""

    def __call__(self, tx: Tx, *, now: datetime, rng: random.Random) -> None: ...


def find_path(*, tx_key: TxKey, now: datetime, rng: random.Random, look: "Look | None" = None) -> None:
    """Give a transaction that wants a path its next attempt, or have it wait for what is missing.

    look: how a path is looked for, if not among forwarders.

    Safe to call at any time and twice: a transaction that wants none, or that another worker is at, is left
    alone.
    """
    leased = path_store.lease(tx_key)
    if leased is None:
        return
    try:
        if leased.tx is not None and wants_path(leased.tx, now):
            (look or _look)(leased.tx, now=now, rng=rng)
    finally:
        path_store.release(tx_key, leased)


def _look(tx: Tx, *, now: datetime, rng: random.Random) -> None:
    begun = begin_attempt(tx, now=now, rng=rng)
    if begun is not None:
        hand_out(*begun, now=now, rng=rng)


def wants_path(tx: Tx, now: datetime) -> bool:
    """Tell whether an attempt may begin now: none is under way, and no wait or back-off."""
    return tx.state in (TxState.FINDING, TxState.WAITING) and looks_at(tx) <= now < gives_up_at(tx)


def begin_attempt(tx: Tx, *, now: datetime, rng: random.Random) -> tuple[Attempt, Found] | None:
    """Put a path for the next attempt, of which nobody knows yet, or have the transaction wait.

    What costs little comes first: who could forward is looked up only for a path that its ends could have.
    """
    reach = roster.find_ends(tx.owner, living_recipient(tx))
    # Who came online just now is not there yet: posting again must not tell before the announcement (T-16).
    receiver = _choose_receiver(tx, [peer for peer in reach.receivers if peer.is_known(now)])
    if receiver is None:
        wait_for_recipient(tx, now, roster.known_from(reach.receivers, now))
    elif reach.sender is None:
        wait_for_sender(tx, now)
    elif not reach.can_begin:
        wait_for_own_offer(tx, reach.sender, now)
    elif may_look(tx, now):
        return _begin(tx, reach.sender, receiver, now, rng)
    return None


def _begin(
    tx: Tx, sender: Peer, receiver: Peer, now: datetime, rng: random.Random
) -> tuple[Attempt, Found] | None:
    for end in (sender, receiver):
        if not end.is_guarded:
            # Came just now, and may be given guards: until then anybody could be drawn next to it.
            guarding.look_after(peer_id=end.peer, now=now, rng=rng)
    outcome = draw(tx, sender, receiver, now=now, rng=rng)
    if isinstance(outcome, Missed):
        wait_for_others(tx, outcome, now)
        return None
    number = put(tx, outcome, now)
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
    note_attempt(attempt, now)


def may_look(tx: Tx, now: datetime) -> bool:
    """Tell whether the transaction and its account may look in this minute; if not it waits for the next.

    Counts the look.
    """
    minute = minute_of(now)
    is_spent = tx.minute == minute and tx.spent >= limits.ATTEMPTS_PER_MINUTE
    if not is_spent and roster.may_look(tx.sender, minute):
        return True
    hold_back(tx, end_of_minute(now))
    return False


def living_recipient(tx: Tx) -> UserKey | None:
    """Tell whom the transaction reaches now: nobody once its token is deleted, so blocking ends it, too."""
    if tx.recipient is None or tx.recipient == tx.sender:
        return None
    return tx.recipient if str(recipient_of(b64_bytes(tx.digest))) == tx.recipient else None


def _choose_receiver(tx: Tx, reachable: Sequence[Peer]) -> Peer | None:
    """Take the device of the first path while it can be reached, else another one of the recipient."""
    kept = [peer for peer in reachable if peer.device == tx.device]
    return next(iter(kept or reachable), None)


def put(tx: Tx, found: Found, now: datetime) -> int | None:
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
            "misses": 0,
            "kept": 0,
            "minute": minute,
            "spent": 1 + (current.spent if current.minute == minute else 0),
        }
        path_store.queue_fields(batch, tx.tx, opened)
        batch.zrem(store_keys.WAITING_FORWARDERS, tx.tx)
        batch.srem(store_keys.waiting(found.peers[-1].user), tx.tx)
        deadlines.schedule("attempt", tx.tx, now + limits.RECEIPT_WITHIN, batch=batch)
        return tx.attempt + 1

    return path_store.change(tx.tx, decide)


def note_attempt(attempt: Attempt, now: datetime) -> None:
    """Write an attempt's row: what operators count."""
    minute = to_the_minute(now)
    with transaction.atomic():
        if not P2PTransaction.objects.alive().filter(pk=attempt.tx).update(attempts=attempt.number):
            # No row: the web process died before it was written. Not alive: it has just ended.
            started = {"attempts": attempt.number, "started": minute}
            _, created = P2PTransaction.objects.get_or_create(pk=attempt.tx, defaults=started)
            if not created:
                return
        P2PPath.objects.create(transaction_id=UUID(attempt.tx), attempt=attempt.number, started=minute)
