"""Places of rows in a SQLite file do not tell in which order the rows came."""

import secrets
from collections.abc import Callable

import pytest
from django.db import connection

from accounts.delivery import delete_tokens, digest_of, mint_tokens
from accounts.mailbox import post_by_token
from accounts.models import DeliveryToken, Device, Envelope, WithdrawnToken
from tests.factories import make_delivery_token, make_device

ROWS = 12


def mint(device: Device) -> None:
    mint_tokens(user=device.user, digests=[secrets.token_bytes(32)])


def withdraw(device: Device) -> None:
    token = make_delivery_token(recipient=device.user)
    delete_tokens(user=device.user, digests=[digest_of(token)])


def post(device: Device) -> None:
    token = make_delivery_token(recipient=device.user)
    post_by_token(sender=device.user, token=token, device_id=device.pk, sealed=bytes(49))


def places(table: str) -> dict[bytes | str, int]:
    key = "id" if table == Envelope._meta.db_table else "digest"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key}, rowid FROM {table}")  # noqa: S608 - names of ours
        return dict(cursor.fetchall())


@pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL has no such number: docs/threat-model.md, T-20"
)
@pytest.mark.parametrize(
    ("act", "table"),
    [
        (mint, DeliveryToken._meta.db_table),
        (withdraw, WithdrawnToken._meta.db_table),
        (post, Envelope._meta.db_table),
    ],
)
def test_place_says_nothing_about_when_a_row_came(act: Callable[[Device], None], table: str) -> None:
    came: list[bytes | str] = []
    for _ in range(ROWS):
        act(make_device())
        came += places(table).keys() - set(came)

    found = places(table)
    by_place = sorted(came, key=lambda key: found[key])

    assert len(came) == ROWS
    assert by_place != came
