"""Delete what is left of ended transactions, and note which were lost with the store."""

from datetime import datetime, timedelta
from typing import Final

from mesa import store
from p2p import store_keys
from p2p.models import P2PTransaction, State, to_the_minute
from p2p.protocol.words import Cause
from p2p.records import TxKey

KEPT: Final = timedelta(hours=1)
LOST_AFTER: Final = timedelta(minutes=5)
BATCH: Final = 500


def prune_transactions(*, now: datetime) -> None:
    """Delete rows that ended an hour ago; fail those whose record the store has no more."""
    P2PTransaction.objects.ended_before(now - KEPT).delete()
    suspects = P2PTransaction.objects.alive().filter(started__lt=now - LOST_AFTER)
    tx_ids = list(suspects.values_list("pk", flat=True)[:BATCH])
    lost = [tx_id for tx_id in tx_ids if not store.client().exists(store_keys.tx(TxKey(str(tx_id))))]
    minute = to_the_minute(now)
    for row in P2PTransaction.objects.alive().filter(pk__in=lost):
        row.paths.filter(state=State.OPEN).update(state=State.FAILED, ended=minute)
    P2PTransaction.objects.alive().filter(pk__in=lost).update(
        state=State.FAILED, cause=Cause.LOST, ended=minute
    )
