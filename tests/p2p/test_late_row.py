"""The row of a start comes later than its deadline: a worker was faster, or an ended id is used again."""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from mesa import store
from p2p import path_store
from p2p.finding import begin_attempt
from p2p.models import P2PTransaction
from p2p.protocol.fields import b64_text
from p2p.records import TxKey
from tests.factories import make_client
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import URL, make_token, tx_fields


@contextmanager
def worker_before_the_row(tx_key: TxKey) -> Iterator[None]:
    """Let a worker put a path when this thread is about to write the transaction's row."""
    done: list[object] = []

    def overtake(execute: Any, sql: str, *rest: Any) -> Any:
        if not done and sql.startswith("INSERT") and P2PTransaction._meta.db_table in sql:
            done.append(None)
            tx = path_store.read(tx_key)
            assert tx is not None
            assert begin_attempt(tx, now=timezone.now(), rng=random.Random(1)) is not None
        return execute(sql, *rest)

    with connection.execute_wrapper(overtake):
        yield
    assert done


async def post_late(network: Network, state: str) -> tuple[TestPeer, TxKey, int]:
    """Post while a worker is faster; the row that it finds has this state. Returns the status, too."""
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(3)
    tx_key, token, now = TxKey(str(uuid.uuid4())), await make_token(bo.login), timezone.now()
    body = {"id": tx_key, "token": b64_text(token), "tickets": []}

    def post_here() -> int:
        ended = None if state == "open" else now
        P2PTransaction.objects.create(pk=tx_key, state=state, started=now - timedelta(minutes=1), ended=ended)
        with worker_before_the_row(tx_key):
            response = make_client(ada.login).post(URL, body, content_type="application/json")
        return int(response.status_code)

    return ada, tx_key, await sync_to_async(post_here)()


async def test_a_worker_that_was_faster_is_no_reason_to_refuse(network: Network) -> None:
    _, tx_key, status = await post_late(network, "open")

    assert status == 202
    assert (await tx_fields(tx_key))["attempt"] == "1"


async def test_an_ended_id_is_refused_and_the_path_that_a_worker_put_is_taken_back(network: Network) -> None:
    _, tx_key, status = await post_late(network, "completed")

    assert status == 409
    assert [name async for name in store.async_client().scan_iter("*") if tx_key in name] == []
    assert [name async for name in store.async_client().scan_iter("mesa:hop:*")] == []
    hops = [name async for name in store.async_client().scan_iter("mesa:hops:*")]
    assert hops == []
