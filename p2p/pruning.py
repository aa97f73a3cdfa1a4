"""Delete what is left of ended transactions, and note which were lost with the store."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from mesa import store
from p2p import store_keys
from p2p.models import P2PTransaction, State, TransactionTally, to_the_minute
from p2p.protocol.words import Cause
from p2p.records import TxKey

KEPT: Final = timedelta(hours=1)
LOST_AFTER: Final = timedelta(minutes=5)
TALLY_KEPT: Final = timedelta(days=2)
BATCH: Final = 500


def prune_transactions(*, now: datetime) -> None:
    """Let rows that ended an hour ago become counts; fail those whose record the store has no more."""
    while tally_ended(before=now - KEPT):
        pass
    TransactionTally.objects.filter(hour__lt=now - TALLY_KEPT).delete()
    suspects = P2PTransaction.objects.alive().filter(started__lt=now - LOST_AFTER)
    tx_ids = list(suspects.values_list("pk", flat=True)[:BATCH])
    lost = [tx_id for tx_id in tx_ids if not store.client().exists(store_keys.tx(TxKey(str(tx_id))))]
    minute = to_the_minute(now)
    for row in P2PTransaction.objects.alive().filter(pk__in=lost):
        row.paths.filter(state=State.OPEN).update(state=State.FAILED, ended=minute)
    P2PTransaction.objects.alive().filter(pk__in=lost).update(
        state=State.FAILED, cause=Cause.LOST, ended=minute
    )


def tally_ended(*, before: datetime) -> int:
    """Count rows that ended before a time into their hours, and delete them; returns how many."""
    with transaction.atomic():
        # Locked: of two workers that prune at once, each row is counted by one.
        ended = P2PTransaction.objects.ended_before(before).select_for_update(skip_locked=True)
        rows = list(ended[:BATCH])
        kinds = Counter((_to_the_hour(row), row.state, row.cause, row.attempts > 0) for row in rows)
        for (hour, state, cause, had_path), count in sorted(kinds.items()):
            tally, _ = TransactionTally.objects.get_or_create(
                hour=hour, state=state, cause=cause, had_path=had_path, defaults={"count": 0}
            )
            TransactionTally.objects.filter(pk=tally.pk).update(count=F("count") + count)
        P2PTransaction.objects.filter(pk__in=[row.pk for row in rows]).delete()
        return len(rows)


def _to_the_hour(row: P2PTransaction) -> datetime:
    if row.ended is None:
        raise ValueError("only of ended ones")
    return row.ended.replace(minute=0)
