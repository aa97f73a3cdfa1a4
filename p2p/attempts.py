"""What happens to the attempts of a transaction: one fails, is followed by the next, or runs out of time.

Spec: docs/spec/transactions.md, steps 10 and 11
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from mesa import deadlines, store
from p2p import limits, links, path_store, roster, store_keys, turns
from p2p.direct import look_directly
from p2p.finding import find_leased, living_recipient
from p2p.models import P2PPath, State, to_the_minute
from p2p.path_store import Fields, Lease
from p2p.protocol.to_peer import AttemptFailed
from p2p.protocol.words import Cause, EndState
from p2p.pushing import push_frame
from p2p.records import LinkKey, PeerId, Tx, TxKey, TxState
from p2p.services import end_transaction
from p2p.waiting import gives_up_at, looks_at


@dataclass(frozen=True, slots=True)
class Failure:
    """Which attempt failed and why. The transaction's next paths go around `avoid`, if there are others.

    `links`: those that its next paths do not use, since nobody knows which of them is dead.
    """

    tx: TxKey
    attempt: int
    cause: Cause
    avoid: Collection[PeerId] = ()
    links: Collection[LinkKey] = ()


def fail_attempt(failure: Failure, *, now: datetime) -> bool:
    """End an attempt that has failed, and have the next one begin at once or after its back-off.

    False, and nothing happens, when that attempt is not the present one any more.
    """

    def decide(tx: Tx, batch: store.Pipeline) -> tuple[Tx, float | None] | None:
        if tx.attempt != failure.attempt or tx.state not in (TxState.OPEN, TxState.IDLE):
            return None
        path_store.queue_path_removal(batch, tx, path_store.read_path(tx.tx, tx.attempt))
        path_store.queue_avoidance(batch, tx.tx, failure.avoid, failure.links)
        return tx, _queue_retry(batch, tx, failure.cause, now)

    changed = path_store.change(failure.tx, decide)
    if changed is None:
        return False
    tx, wait_s = changed
    _note_path_end(tx.tx, tx.attempt, State.FAILED, now)
    if wait_s is None:
        end_transaction(tx_key=tx.tx, state=EndState.FAILED, cause=failure.cause, now=now)
        return True
    push_frame(tx.owner, AttemptFailed(tx.id, tx.attempt, failure.cause, None))
    if wait_s == 0:
        turns.wake([tx.tx], now=now)
    return True


def _queue_retry(batch: store.Pipeline, tx: Tx, cause: Cause, now: datetime) -> float | None:
    """Queue the next attempt; returns the seconds until it begins, or None when there is none any more.

    Tries are counted from the last receipt: a long transfer may use up more than MAX_TRIES in all. All
    attempts are counted, too: each leaves something until the end, and a receiver may say yes to anything.
    """
    tries = 1 if tx.receipted else tx.tries + 1
    is_last = tries >= limits.MAX_TRIES or tx.attempt >= limits.MAX_ATTEMPTS
    wait_s = None if is_last else limits.BACK_OFF_S[tries]
    begin_at = now + timedelta(seconds=wait_s or 0)
    fields: Fields = {
        "state": TxState.FINDING,
        "tries": tries,
        "not_before": begin_at.timestamp(),
        "cause": cause,
        "receipted": 0,
    }
    path_store.queue_fields(batch, tx.tx, fields)
    deadlines.schedule("attempt", tx.tx, begin_at if wait_s else now + limits.START_SAFETY, batch=batch)
    return wait_s


def fail_hop(*, tx_key: TxKey, attempt: int, position: int, now: datetime) -> None:
    """End an attempt one of whose hops has failed, to the disfavour of both its ends, and forget its link."""
    path = path_store.read_path(tx_key, attempt)
    if path is None:
        return
    if path.is_direct:
        # Nobody's fault as a forwarder, and no link that others might use.
        fail_attempt(Failure(tx_key, attempt, Cause.HOP_FAILED), now=now)
        return
    reporter, reported = path.peers[position : position + 2]
    neighbours = roster.find_peers([reporter, reported])
    failure = Failure(tx_key, attempt, Cause.HOP_FAILED, avoid=[reporter, reported])
    if not fail_attempt(failure, now=now):
        return
    links.drop_link(path.links[position], neighbours.values(), now=now)
    if len(neighbours) == 2:
        blamed = neighbours[reported]
        roster.blame(blamed.user, reporter=neighbours[reporter], network=blamed.network)


def repath(*, tx_key: TxKey, attempt: int, now: datetime) -> None:
    """End an attempt because its sender asks for another: nobody knows which of its forwarders is silent."""
    fail_attempt(_went_silent(tx_key, attempt, Cause.SUPERSEDED), now=now)


def _went_silent(tx_key: TxKey, attempt: int, cause: Cause) -> Failure:
    """Say that no answer came over a path: any of its forwarders and links may be why."""
    path = path_store.read_path(tx_key, attempt)
    if path is None:
        return Failure(tx_key, attempt, cause)
    return Failure(tx_key, attempt, cause, path.peers[1:-1], path.links)


def withdraw(*, tx_key: TxKey, now: datetime) -> None:
    """End what a transaction still reaches once its token is deleted, as if the recipient had gone.

    Its receipts count no more: else an envelope that is sent again would be answered for ever.
    """

    def decide(tx: Tx, batch: store.Pipeline) -> Tx | None:
        if tx.recipient is None:
            return None
        path_store.queue_fields(batch, tx.tx, {"recipient": ""})
        batch.srem(store_keys.waiting(tx.recipient), tx.tx)
        return tx

    known = path_store.read(tx_key)
    if known is None or living_recipient(known) is not None:
        return
    tx = path_store.change(tx_key, decide)
    if tx is not None and tx.state is TxState.OPEN:
        fail_attempt(Failure(tx.tx, tx.attempt, Cause.PEER_GONE), now=now)


def attend(*, tx_key: TxKey, now: datetime, rng: random.Random) -> None:
    """Do what is due for a transaction: find, retry, let an unused path go, or give up."""
    leased = path_store.lease(tx_key)
    if leased is None:
        deadlines.cancel("attempt", tx_key)
        return
    tx = leased.tx
    if now >= gives_up_at(tx):
        cause = Cause.IDLE if tx.state is TxState.IDLE else Cause(tx.cause or Cause.NO_RECEIPT)
        end_transaction(tx_key=tx_key, state=EndState.FAILED, cause=cause, now=now)
    elif tx.state is not TxState.OPEN:
        _look_again(leased, now, rng)
    elif living_recipient(tx) is None:
        withdraw(tx_key=tx_key, now=now)
    elif now < path_due(tx):
        _postpone(tx, path_due(tx))
    elif tx.receipted:
        _let_path_go(tx, now)
    else:
        fail_attempt(_went_silent(tx.tx, tx.attempt, Cause.NO_RECEIPT), now=now)


def path_due(tx: Tx) -> datetime:
    """When an open path has lived long enough: without a receipt, without use, or at all."""
    if not tx.receipted:
        return tx.opened + limits.RECEIPT_WITHIN
    return min(tx.used + limits.IDLE_AFTER, tx.aged + limits.PATH_AGE)


def _look_again(leased: Lease, now: datetime, rng: random.Random) -> None:
    """Find a path, unless it is not time yet, or the transaction waits for its sender to ask."""
    tx = leased.tx
    if now < looks_at(tx):
        _postpone(tx, min(looks_at(tx), gives_up_at(tx)))
    find_leased(leased, now=now, rng=rng, look=look_directly if tx.own else None)


def _postpone(tx: Tx, until: datetime) -> None:
    def decide(current: Tx, batch: store.Pipeline) -> bool | None:
        # Somebody who changed the transaction meanwhile has set its deadline too.
        if current != tx:
            return None
        deadlines.schedule("attempt", tx.tx, until, batch=batch)
        return True

    path_store.change(tx.tx, decide)


def _let_path_go(tx: Tx, now: datetime) -> None:
    """Remove a path that nobody used any more; the sender may ask for another, or complete."""

    def decide(current: Tx, batch: store.Pipeline) -> bool | None:
        if current != tx:
            return None
        path = path_store.read_path(tx.tx, tx.attempt)
        path_store.queue_path_removal(batch, tx, path)
        if path is not None:
            # Whoever asks for another has cells on the way: to the server both look alike.
            path_store.queue_avoidance(batch, tx.tx, path.peers[1:-1], path.links)
        path_store.queue_fields(batch, tx.tx, {"state": TxState.IDLE, "tries": 0, "cause": Cause.IDLE})
        deadlines.schedule("attempt", tx.tx, gives_up_at(tx), batch=batch)
        return True

    if path_store.change(tx.tx, decide):
        _note_path_end(tx.tx, tx.attempt, State.COMPLETED, now)
        push_frame(tx.owner, AttemptFailed(tx.id, tx.attempt, Cause.IDLE, None))


def _note_path_end(tx_key: TxKey, attempt: int, state: State, now: datetime) -> None:
    P2PPath.objects.filter(transaction__pk=tx_key, attempt=attempt, state=State.OPEN).update(
        state=state, ended=to_the_minute(now)
    )
