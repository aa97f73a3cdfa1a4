"""Rows of ended transactions are kept for an hour; rows that nobody will end are ended."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from p2p import path_store
from p2p.models import P2PPath, P2PTransaction, to_the_minute
from p2p.path_store import NewTx
from p2p.pruning import prune_transactions
from p2p.records import DeviceKey, TxKey, UserKey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_store")]


def make_row(*, minutes_ago: int, ended: bool = False) -> P2PTransaction:
    then = to_the_minute(timezone.now() - timedelta(minutes=minutes_ago))
    state = "completed" if ended else "open"
    row = P2PTransaction.objects.create(
        id=uuid.uuid4(), state=state, started=then, ended=then if ended else None
    )
    P2PPath.objects.create(transaction=row, attempt=1, state=state, started=then)
    return row


def test_an_ended_row_goes_after_an_hour() -> None:
    old, young = make_row(minutes_ago=62, ended=True), make_row(minutes_ago=58, ended=True)

    prune_transactions(now=timezone.now())

    assert list(P2PTransaction.objects.all()) == [young]
    assert not P2PPath.objects.filter(transaction_id=old.pk).exists()


def test_a_row_without_a_record_is_lost_after_five_minutes() -> None:
    old, young = make_row(minutes_ago=7), make_row(minutes_ago=3)

    prune_transactions(now=timezone.now())

    states = dict(P2PTransaction.objects.values_list("pk", "cause"))
    assert states == {old.pk: "lost", young.pk: ""}
    assert P2PPath.objects.get(transaction=old).state == "failed"


def test_a_long_transaction_that_lives_is_left_alone() -> None:
    row = make_row(minutes_ago=30)
    new = NewTx(TxKey(str(row.pk)), DeviceKey("device"), UserKey("ada"), None, "")
    path_store.start(new, now=timezone.now(), due=timezone.now())

    prune_transactions(now=timezone.now())

    row.refresh_from_db()
    assert row.state == "open"


def test_pruning_twice_is_pruning_once() -> None:
    make_row(minutes_ago=7)
    now = timezone.now()

    for _ in range(2):
        prune_transactions(now=now)

    assert P2PTransaction.objects.get().ended == to_the_minute(now)
