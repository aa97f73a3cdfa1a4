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
from p2p import guarding, limits, path_store, roster
from p2p.binding import read_bound
from p2p.drawing import Between, draw
from p2p.held_guards import tickets_of
from p2p.models import P2PPath, P2PTransaction, to_the_minute
from p2p.opening import Opened
from p2p.orders import Attempt, write_orders, write_path_ready
from p2p.path_store import Lease
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
from p2p.roster import Reach, end_of_minute, minute_of
from p2p.surveying import TooManyLooks
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
    """Looks for a path for a transaction that wants one; tells whether one was put."""

    def __call__(self, tx: Tx, *, now: datetime, rng: random.Random) -> bool: ...


def find_path(*, tx_key: TxKey, now: datetime, rng: random.Random) -> None:
    """Give a transaction that wants a path its next attempt, or have it wait for what is missing.

    Safe to call at any time and twice: a transaction that wants none, or that another worker is at, is left
    alone.
    """
    leased = path_store.lease(tx_key)
    if leased is not None:
        find_leased(leased, now=now, rng=rng)


def find_leased(leased: Lease, *, now: datetime, rng: random.Random, look: "Look | None" = None) -> None:
    """Do the same for a transaction that was read under a lease, which ends.

    look: how a path is looked for, if not among forwarders.
    """
    if leased.token is None:
        return
    has_path = False
    try:
        if wants_path(leased.tx, now):
            has_path = (look or _look)(leased.tx, now=now, rng=rng)
    finally:
        # A path that is put has ended the lease.
        if not has_path:
            path_store.release(leased)


def _look(tx: Tx, *, now: datetime, rng: random.Random) -> bool:
    opened = begin_attempt(tx, now=now, rng=rng)
    if opened is not None:
        hand_out(opened, now=now, rng=rng)
    return opened is not None


def wants_path(tx: Tx, now: datetime) -> bool:
    """Tell whether an attempt may begin now: none is under way, and no wait or back-off."""
    return tx.state in (TxState.FINDING, TxState.WAITING) and looks_at(tx) <= now < gives_up_at(tx)


def begin_attempt(tx: Tx, *, now: datetime, rng: random.Random) -> Opened | None:
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
    elif _is_spent(tx, now):
        hold_back(tx, end_of_minute(now))
    else:
        return _begin(tx, _between(tx, reach, (reach.sender, receiver), now, rng), now, rng)
    return None


def _between(tx: Tx, reach: Reach, ends: tuple[Peer, Peer], now: datetime, rng: random.Random) -> Between:
    """Read which guards bind a path. Who came just now is given some before: else anybody could be drawn."""
    shown = [reach.tickets[end.peer] for end in ends]
    without = [end for end in ends if not end.is_guarded]
    for end in without:
        guarding.look_after(peer_id=end.peer, now=now, rng=rng)
    return Between(ends, read_bound(tx, ends, tickets_of(ends) if without else shown, now))


def _begin(tx: Tx, between: Between, now: datetime, rng: random.Random) -> Opened | None:
    try:
        outcome = draw(tx, between, now=now, rng=rng)
    except TooManyLooks:
        hold_back(tx, end_of_minute(now))
        return None
    if isinstance(outcome, Missed):
        wait_for_others(tx, outcome, now)
        return None
    return outcome


def hand_out(opened: Opened, *, now: datetime, rng: random.Random) -> None:
    """Tell all five peers at once, so that all links come up in parallel, and note the attempt.

    The orders leave in an order by lot: whoever sees when they leave must not see the path.
    """
    orders = write_orders(opened.path, opened.offers, rng)
    frames: list[tuple[DeviceKey, FrameToPeer]] = [
        (peer.device, order) for peer, order in zip(opened.peers, orders, strict=True)
    ]
    rng.shuffle(frames)
    frames.append((opened.peers[0].device, write_path_ready(opened.attempt, opened.path, opened.peers)))
    push_frames(frames)
    # Nobody has to wait for the row: it is what operators count.
    note_attempt(opened.attempt, now)


def may_look(tx: Tx, now: datetime) -> bool:
    """Tell whether the transaction and its account may look in this minute; if not it waits for the next.

    Counts the look.
    """
    if not _is_spent(tx, now) and roster.may_look(tx.sender, minute_of(now)):
        return True
    hold_back(tx, end_of_minute(now))
    return False


def _is_spent(tx: Tx, now: datetime) -> bool:
    return tx.minute == minute_of(now) and tx.spent >= limits.ATTEMPTS_PER_MINUTE


def living_recipient(tx: Tx) -> UserKey | None:
    """Tell whom the transaction reaches now: nobody once its token is deleted, so blocking ends it, too."""
    if tx.recipient is None or tx.recipient == tx.sender:
        return None
    return tx.recipient if str(recipient_of(b64_bytes(tx.digest))) == tx.recipient else None


def _choose_receiver(tx: Tx, reachable: Sequence[Peer]) -> Peer | None:
    """Take the device of the first path while it can be reached, else another one of the recipient."""
    kept = [peer for peer in reachable if peer.device == tx.device]
    return next(iter(kept or reachable), None)


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
