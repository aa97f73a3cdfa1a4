"""A one-time prekey goes to one claimer, however many come at once, on either database."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Device, OneTimePrekey, PrekeyKind
from accounts.prekeys import claim_one_time
from tests.factories import make_device

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

CLAIMERS = 8
KEYS = 20


def stock(device: Device, count: int, *, first: int = 0) -> None:
    OneTimePrekey.objects.bulk_create(
        OneTimePrekey(
            device=device,
            kind=PrekeyKind.ONE_TIME,
            key_id=first + number,
            packed=number.to_bytes(4, "big"),
            forget_on=date(2100, 1, 1),
        )
        for number in range(1, count + 1)
    )


def claim_until_empty(device: Device, start: Barrier) -> list[bytes]:
    taken = []
    try:
        start.wait(timeout=10)
        while (packed := claim_one_time(device_id=device.pk, kind=PrekeyKind.ONE_TIME)) is not None:
            taken.append(packed)
    finally:
        connection.close()
    return taken


def test_parallel_claimers_share_the_stock_without_a_repetition() -> None:
    device = make_device()
    stock(device, KEYS)
    start = Barrier(CLAIMERS)

    with ThreadPoolExecutor(CLAIMERS) as pool:
        shares = list(pool.map(lambda _: claim_until_empty(device, start), range(CLAIMERS)))

    claimed = Counter(packed for share in shares for packed in share)
    assert claimed == Counter(number.to_bytes(4, "big") for number in range(1, KEYS + 1))


def test_last_key_goes_to_one_of_many() -> None:
    device = make_device()
    for first in range(5):
        stock(device, 1, first=first)
        start = Barrier(CLAIMERS)

        with ThreadPoolExecutor(CLAIMERS) as pool:
            shares = list(pool.map(lambda _, start=start: claim_until_empty(device, start), range(CLAIMERS)))

        assert sum(len(share) for share in shares) == 1
