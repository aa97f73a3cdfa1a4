"""Have a transaction wait. While it waits it costs nothing: what it waits for wakes it.

Spec: docs/spec/transactions.md, section "Waiting"
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mesa import deadlines, store
from p2p import limits, path_store, roster, store_keys, turns
from p2p.path_store import Fields
from p2p.protocol.to_peer import AttemptFailed, OfferWanted
from p2p.protocol.words import Cause
from p2p.pushing import push_frame
from p2p.records import Peer, Tx, TxState


@dataclass(frozen=True, slots=True)
class Missed:
    """No path for now, and why; for too few forwarders also how many there are."""

    cause: Cause
    forwarders: int | None = None


@dataclass(frozen=True, slots=True)
class _Wait:
    """A wait: its cause, when the transaction looks again by itself, and the earliest time for it when woken.

    `queue_more` queues where others find it.
    """

    cause: Cause
    look_at: datetime
    not_before: datetime
    misses: int
    told: str
    queue_more: Callable[[store.Pipeline], None]


def gives_up_at(tx: Tx) -> datetime:
    """When a transaction fails unless a receipt comes first."""
    return tx.credited + limits.GIVE_UP_AFTER


def looks_at(tx: Tx) -> datetime:
    """When a transaction without a path looks for one; in the state `idle` its sender has to ask before."""
    if tx.state is TxState.IDLE:
        return gives_up_at(tx)
    return max(tx.not_before, tx.look_at) if tx.state is TxState.WAITING else tx.not_before


def wait_for_recipient(tx: Tx, now: datetime, known_from: datetime | None = None) -> None:
    """Wait until the recipient comes online, silently: blocked, unknown and offline must look alike.

    known_from: when others learn that it has come. Then the transaction looks by itself, since the
    announcement may find it at this very look, and not yet among those who wait.
    """

    def queue_more(batch: store.Pipeline) -> None:
        if tx.recipient is not None:
            batch.sadd(store_keys.waiting(tx.recipient), tx.tx)
            batch.expire(store_keys.waiting(tx.recipient), store_keys.WAIT_TTL)
        batch.zrem(store_keys.WAITING_FORWARDERS, tx.tx)

    look_at = known_from or gives_up_at(tx)
    _wait(tx, _Wait(Cause.NO_PATH, look_at, now, tx.misses, tx.told, queue_more), now)


def wait_for_sender(tx: Tx, now: datetime) -> None:
    """Wait until the sender's own device is back; there is nobody to tell."""
    _wait(tx, _Wait(Cause.PEER_GONE, gives_up_at(tx), now, tx.misses, tx.told, _nothing_more), now)


def wait_for_own_offer(tx: Tx, sender: Peer, now: datetime) -> None:
    """Wait until the sender brings an offer: without one no path can begin, whoever forwards."""
    ask_for_offer(tx, sender, now)
    missed = Missed(Cause.NO_OFFER)
    look_at = now + limits.OWN_OFFER_WITHIN
    if _wait(tx, _Wait(missed.cause, look_at, now, tx.misses, _told(missed), _nothing_more), now):
        _tell(tx, missed)


def wait_for_others(tx: Tx, missed: Missed, now: datetime) -> None:
    """Wait for forwarders or their offers after a look in vain, from look to look longer, and say so once."""

    def queue_more(batch: store.Pipeline) -> None:
        if missed.cause is Cause.TOO_FEW_FORWARDERS:
            batch.zadd(store_keys.WAITING_FORWARDERS, {tx.tx: now.timestamp()})
            oldest = (now - store_keys.WAIT_TTL).timestamp()
            batch.zremrangebyscore(store_keys.WAITING_FORWARDERS, "-inf", oldest)

    look_at, not_before = (now + _pause(tx, each) for each in (limits.LOOK_AGAIN_S, limits.LOOK_WOKEN_S))
    wait = _Wait(missed.cause, look_at, not_before, tx.misses + 1, _told(missed), queue_more)
    if _wait(tx, wait, now):
        _tell(tx, missed)


def hold_back(tx: Tx, until: datetime) -> None:
    """Let a transaction wait for the next minute, whatever wakes it before."""

    def decide(current: Tx, batch: store.Pipeline) -> bool | None:
        if current.attempt != tx.attempt or current.state is TxState.OPEN:
            return None
        path_store.queue_fields(batch, tx.tx, {"state": TxState.FINDING, "not_before": until.timestamp()})
        deadlines.schedule("attempt", tx.tx, min(until, gives_up_at(current)), batch=batch)
        return True

    path_store.change(tx.tx, decide)


def ask_for_offer(tx: Tx, peer: Peer, now: datetime) -> None:
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


def _wait(tx: Tx, wait: _Wait, now: datetime) -> bool:
    """Begin a wait; tells whether the sender has not been told of it. Who was woken meanwhile looks again."""

    def decide(current: Tx, batch: store.Pipeline) -> tuple[bool, bool] | None:
        if current.attempt != tx.attempt or current.state is TxState.OPEN:
            return None
        fields: Fields = {
            "state": TxState.WAITING,
            "cause": wait.cause,
            "look_at": wait.look_at.timestamp(),
            "not_before": wait.not_before.timestamp(),
            "misses": wait.misses,
            "told": wait.told,
        }
        path_store.queue_fields(batch, tx.tx, fields)
        wait.queue_more(batch)
        deadlines.schedule("attempt", tx.tx, min(wait.look_at, gives_up_at(current)), batch=batch)
        return current.told != wait.told, current.woken != tx.woken

    is_new, is_woken = path_store.change(tx.tx, decide) or (False, False)
    if is_woken:
        turns.wake([tx.tx], now=now)
    return is_new


def _pause(tx: Tx, steps: Sequence[float]) -> timedelta:
    return timedelta(seconds=steps[min(tx.misses, len(steps) - 1)])


def _nothing_more(_: store.Pipeline) -> None:
    pass


def _told(missed: Missed) -> str:
    return f"{missed.cause} {missed.forwarders}"


def _tell(tx: Tx, missed: Missed) -> None:
    push_frame(tx.owner, AttemptFailed(tx.id, tx.attempt, missed.cause, missed.forwarders))
