"""Figures of transactions and peers: states, causes, rates, rounded counts; and hours that outlive rows."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from mesa.overview import Section
from p2p import turns
from p2p.census import count_peers
from p2p.models import P2PTransaction, TransactionTally, to_the_minute
from p2p.overview import (
    DAY,
    HOUR,
    endings,
    find_warnings,
    rate,
    show_delivery,
    show_jobs,
    show_online,
    show_transactions,
)
from p2p.pruning import TALLY_KEPT, prune_transactions, tally_ended
from p2p.records import UserKey
from tests.p2p.peers import Network, TestPeer, communicator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_store")]

NOON = datetime.fromisoformat("2030-05-05T12:30:00+00:00")


def test_accounts_that_wait_for_their_turn_are_counted() -> None:
    for user in ("ada", "bo", "bo"):
        turns.ask(UserKey(user), f"gone:{uuid.uuid4()}", now=timezone.now())

    assert figures(show_jobs(timezone.now())) == {"accounts that wait": "2"}


def end(count: int, *, at: datetime, cause: str = "", attempts: int = 1) -> None:
    """Make rows of transactions that ended, completed unless there is a cause."""
    state = "failed" if cause else "completed"
    P2PTransaction.objects.bulk_create(
        P2PTransaction(
            id=uuid.uuid4(),
            state=state,
            cause=cause,
            attempts=attempts,
            started=to_the_minute(at),
            ended=to_the_minute(at),
        )
        for _ in range(count)
    )


def figures(section: Section) -> dict[str, str]:
    return {figure.name: figure.value for figure in section.figures}


def test_states_and_causes_of_the_last_hour_are_counted() -> None:
    end(3, at=NOON)
    end(2, at=NOON, cause="no_receipt")
    end(1, at=NOON, cause="no_path", attempts=0)
    end(5, at=NOON - 2 * HOUR)
    P2PTransaction.objects.create(id=uuid.uuid4(), started=NOON)

    shown = figures(show_transactions(NOON))

    assert shown == {
        "open": "1",
        "completed": "3",
        "failed": "3",
        "failed: no_path": "1",
        "failed: no_receipt": "2",
    }


def test_rate_is_of_those_that_had_a_path() -> None:
    end(19, at=NOON)
    end(1, at=NOON, cause="no_receipt")
    end(4, at=NOON, cause="no_path", attempts=0)

    shown = figures(show_delivery(NOON))

    assert shown["last hour"] == shown["last 24 hours"] == "95.0% of 20"
    assert shown["never had a path"] == "4"


def test_rate_of_nothing_is_no_number() -> None:
    assert rate(Counter()) == "none ended"


def test_day_goes_on_after_the_rows_are_pruned() -> None:
    end(8, at=NOON - 5 * HOUR)
    end(2, at=NOON - 5 * HOUR, cause="no_receipt")
    end(3, at=NOON - 2 * HOUR)
    before = endings(NOON - DAY)

    prune_transactions(now=NOON)

    assert not P2PTransaction.objects.exists()
    assert endings(NOON - DAY) == before
    assert figures(show_delivery(NOON))["last 24 hours"] == "84.6% of 13"


def test_tally_has_no_time_but_the_hour_and_no_id_of_a_transaction() -> None:
    end(2, at=NOON - 2 * HOUR + timedelta(minutes=17))

    prune_transactions(now=NOON)

    row = TransactionTally.objects.get()
    assert {field.name for field in TransactionTally._meta.fields} == {
        "id",
        "hour",
        "state",
        "cause",
        "had_path",
        "count",
    }
    assert (row.hour.minute, row.hour.second, row.hour.microsecond, row.count) == (0, 0, 0, 2)


def test_hours_add_up_over_prunings() -> None:
    for minutes in (0, 5, 10):
        end(1, at=NOON - 2 * HOUR + timedelta(minutes=minutes))
        prune_transactions(now=NOON)

    assert TransactionTally.objects.get().count == 3


def test_hours_are_forgotten_after_two_days() -> None:
    end(1, at=NOON - 2 * HOUR)
    prune_transactions(now=NOON)

    prune_transactions(now=NOON + TALLY_KEPT)

    assert not TransactionTally.objects.exists()


def count_some(start: Barrier) -> None:
    try:
        start.wait(timeout=10)
        while tally_ended(before=NOON):
            pass
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_workers_that_prune_at_once_count_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2p.pruning.BATCH", 7)
    end(60, at=NOON - 2 * HOUR)
    start = Barrier(3)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count_some, [start] * 3))

    # One may have given up while another still held the rest.
    while tally_ended(before=NOON):
        pass
    assert sum(row.count for row in TransactionTally.objects.all()) == 60


async def test_peers_and_forwarders_are_rounded(network: Network) -> None:
    await network.online("ada")
    await network.forwarders(6)

    shown = figures(await sync_to_async(show_online)(timezone.now()))

    assert await sync_to_async(count_peers)() == 7
    assert shown == {"peers": "about 5", "forwarders": "about 5", "networks of forwarders": "about 5"}


@pytest.mark.parametrize(("forwarders", "ids"), [(0, ["p2p.W001", "p2p.W002"]), (4, ["p2p.W001"]), (5, [])])
async def test_too_few_forwarders_are_a_warning(network: Network, forwarders: int, ids: list[str]) -> None:
    await network.forwarders(forwarders)

    assert [warning.id for warning in await sync_to_async(find_warnings)(timezone.now())] == ids


async def test_forwarders_of_one_network_are_a_warning(network: Network) -> None:
    for name in ("fw1", "fw2", "fw3", "fw4", "fw5"):
        login = await network.login(name)
        socket = communicator(login)
        socket.scope["client"] = ("93.184.216.34", 50_000)
        assert (await socket.connect())[0]
        peer = TestPeer(login, socket)
        network.peers.append(peer)
        await peer.greet()
        await peer.publish(forward=True)

    found = await sync_to_async(find_warnings)(timezone.now())

    assert [warning.id for warning in found] == ["p2p.W002"]
    assert "networks" in str(found[0].hint)
