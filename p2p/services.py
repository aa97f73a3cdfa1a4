"""The begin and the end of a transaction.

Spec: docs/spec/transactions.md
"""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import IntegrityError, transaction

from accounts.delivery import digest_of, recipient_of
from accounts.logins import Login
from mesa import store
from p2p import limits, path_store
from p2p.errors import TooBusy, TooManyTransactions, TransactionExists
from p2p.models import P2PTransaction, State, to_the_minute
from p2p.path_store import NewTx
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import TransactionEnded
from p2p.protocol.words import Cause, EndState
from p2p.pushing import push_frame
from p2p.records import DeviceKey, Tx, TxKey, UserKey


def start_transaction(*, login: Login, tx_id: UUID, token: bytes, now: datetime) -> None:
    """Begin to get what the caller holds to the owner of a delivery token.

    An unknown token begins a transaction like any other; it waits, and fails in the end.
    Spec: docs/spec/transactions.md, steps 1 to 3

    Raises:
        TransactionExists: the id is in use by another device, or by a transaction that has ended.
        TooManyTransactions: the device has MAX_OPEN_TRANSACTIONS of them.
        TooBusy: more than MAX_QUEUE tasks wait.
    """
    from p2p import tasks

    if queue_length() > limits.MAX_QUEUE:
        raise TooBusy
    digest = digest_of(token)
    recipient = recipient_of(digest)
    new = NewTx(
        tx=TxKey(str(tx_id)),
        owner=DeviceKey(str(login.device_id)),
        sender=UserKey(str(login.user_id)),
        recipient=UserKey(str(recipient)) if recipient else None,
        digest=b64_text(digest),
    )
    outcome = path_store.start(new, now=now, due=now + limits.START_SAFETY)
    if outcome == "foreign":
        raise TransactionExists
    if outcome == "full":
        raise TooManyTransactions
    if outcome == "new" and not _note_start(tx_id, now):
        path_store.forget(new)
        raise TransactionExists
    transaction.on_commit(partial(tasks.find_path.delay, str(tx_id)))


def _note_start(tx_id: UUID, now: datetime) -> bool:
    """Write a transaction's row. False: there is one, so it has ended, or was lost with an emptied store."""
    try:
        with transaction.atomic():
            P2PTransaction.objects.create(pk=tx_id, started=to_the_minute(now))
    except IntegrityError:
        return False
    return True


def queue_length() -> int:
    """Count the tasks that wait for a worker."""
    connection: Any
    with current_app.pool.acquire(block=True) as connection:
        return int(connection.default_channel.client.llen("path"))


def end_transaction(*, tx_key: TxKey, state: EndState, cause: Cause | None, now: datetime) -> None:
    """End a transaction: the store forgets all of it at once, its sender is told."""

    def decide(tx: Tx, batch: store.Pipeline) -> Tx:
        path_store.queue_end(batch, tx)
        return tx

    tx = path_store.change(tx_key, decide)
    if tx is None:
        return
    minute = to_the_minute(now)
    with transaction.atomic():
        row, _ = P2PTransaction.objects.get_or_create(pk=tx_key, defaults={"started": minute})
        P2PTransaction.objects.alive().filter(pk=row.pk).update(
            state=state.value, cause=cause.value if cause else "", attempts=tx.attempt, ended=minute
        )
        row.paths.filter(state=State.OPEN).update(state=state.value, ended=minute)
    push_frame(tx.owner, TransactionEnded(tx.id, state, cause))
