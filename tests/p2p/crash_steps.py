"""Steps of a transaction one at a time, and a database that is gone: a part dies between two of them."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.delivery import digest_of
from p2p import path_store
from p2p.models import P2PTransaction
from p2p.path_store import NewTx
from p2p.protocol.fields import b64_text
from p2p.records import TxKey
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import make_token


@contextmanager
def database_down(table: str = "") -> Iterator[None]:
    """Have every statement of this thread fail, as when the database has gone, or those that name a table."""

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if table not in sql:
            return execute(sql, *rest)
        raise OperationalError

    with connection.execute_wrapper(fail):
        yield


def dying(service: Callable[[], object]) -> None:
    """Run a service that gets as far as its first statement."""
    with database_down(), pytest.raises(OperationalError):
        service()


async def digest_for(receiver: TestPeer) -> str:
    """The digest of a fresh token of the receiver, as the store has it."""
    return b64_text(digest_of(await make_token(receiver.login)))


async def started(sender: TestPeer, receiver: TestPeer) -> TxKey:
    """Step 1 alone: the record and its deadline, no row, no task."""
    tx_key = TxKey(str(uuid.uuid4()))
    new = NewTx(tx_key, sender.device_key, sender.user, receiver.user, await digest_for(receiver))
    now = timezone.now()
    await sync_to_async(path_store.start)(new, now=now, due=now + timedelta(seconds=1))
    return tx_key


async def make_scene(network: Network) -> tuple[TestPeer, TestPeer]:
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(4)
    return ada, bo


async def row_of(tx_key: str) -> P2PTransaction:
    row: P2PTransaction = await sync_to_async(P2PTransaction.objects.get)(pk=tx_key)
    return row
