"""What rows may be: their keys, what they may hold, and what no row of accounts has."""

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction

from accounts.models import (
    DeliveryToken,
    Device,
    OneTimePrekey,
    PrekeyKind,
    StandingPrekey,
    Statement,
    User,
    WithdrawnToken,
)
from tests.factories import make_device, make_user

MODELS = list(apps.get_app_config("accounts").get_models())


def test_primary_keys_are_random_or_hashes() -> None:
    kinds = {model.__name__: type(model._meta.pk) for model in MODELS}

    hashed = {name for name, kind in kinds.items() if kind is models.BinaryField}
    assert hashed == {"DeliveryToken", "Invitation", "ReservedName", "WithdrawnToken"}
    assert {kind for name, kind in kinds.items() if name not in hashed} == {models.UUIDField}


def test_no_row_has_a_time_of_day() -> None:
    timed = [
        f"{model.__name__}.{field.name}"
        for model in MODELS
        for field in model._meta.get_fields()
        if isinstance(field, models.DateTimeField | models.TimeField)
    ]

    assert timed == []


# Every column there is: of user, device and recipient no table has two; the others are names, keys, digests,
# sealed bytes, numbers and dates.
COLUMNS = {
    "User": {"id", "username", "password", "ver", "is_active", "is_staff", "is_superuser", "visibility"},
    "Invitation": {"digest", "expires_on"},
    "ReservedName": {"digest", "until"},
    "Device": {"id", "user_id", "signing_key", "exchange_key", "suite"},
    "Statement": {"id", "user_id", "version", "signed"},
    "StandingPrekey": {"id", "device_id", "kind", "key_id", "packed"},
    "OneTimePrekey": {"id", "device_id", "kind", "key_id", "packed", "forget_on"},
    "DeliveryToken": {"digest", "recipient_id"},
    "WithdrawnToken": {"digest", "recipient_id"},
    "Envelope": {"id", "device_id", "sealed", "expires_on"},
    "DeviceLogin": {"id", "device_id", "pair", "pair_before", "expires_on"},
    "RevokedToken": {"id", "expires_on"},
}


def test_no_row_leads_to_two_users() -> None:
    made = apps.get_app_config("accounts").get_models(include_auto_created=True)

    columns = {
        model.__name__: {field.column for field in model._meta.local_concrete_fields} for model in made
    }

    assert columns == COLUMNS
    for names in columns.values():
        assert len(names & {"user_id", "device_id", "recipient_id"}) <= 1


def test_every_constraint_is_named_after_its_table() -> None:
    for model in MODELS:
        for constraint in model._meta.constraints:
            assert constraint.name.startswith(
                {
                    "User": "user_",
                    "Device": "device_",
                    "Statement": "statement_",
                    "StandingPrekey": "standing_prekey_",
                    "OneTimePrekey": "one_time_prekey_",
                    "DeliveryToken": "delivery_token_",
                    "WithdrawnToken": "withdrawn_token_",
                }[model.__name__]
            )


def refused_rows() -> dict[str, Callable[[Device], Any]]:
    return {
        "user_username_unique": lambda device: User.objects.create(username=device.user.username),
        "user_username_canonical": lambda device: User.objects.create(username="Ada"),
        "user_username_newline": lambda device: User.objects.create(username="ada\n"),
        "user_visibility_known": lambda device: User.objects.filter(pk=device.user_id).update(visibility="x"),
        "device_suite_known": lambda device: Device.objects.filter(pk=device.pk).update(suite=3),
        "device_signing_key_length": lambda device: Device.objects.filter(pk=device.pk).update(
            signing_key=b"x"
        ),
        "device_exchange_key_length": lambda device: Device.objects.filter(pk=device.pk).update(
            exchange_key=b"x"
        ),
        "device_pk": lambda device: Device.objects.bulk_create([device]),
        "statement_version_unique": lambda device: Statement.objects.create(
            user=device.user, version=0, signed=b"x"
        ),
        "standing_prekey_one_of_a_kind": lambda device: [
            StandingPrekey.objects.create(device=device, kind=PrekeyKind.SIGNED, key_id=each, packed=b"x")
            for each in (1, 2)
        ],
        "standing_prekey_kind_known": lambda device: StandingPrekey.objects.create(
            device=device, kind=PrekeyKind.ONE_TIME, key_id=1, packed=b"x"
        ),
        "one_time_prekey_id_unique": lambda device: [
            OneTimePrekey.objects.create(
                device=device, kind=PrekeyKind.ONE_TIME, key_id=1, packed=b"x", forget_on=date(2100, 1, 1)
            )
            for _ in range(2)
        ],
        "one_time_prekey_kind_known": lambda device: OneTimePrekey.objects.create(
            device=device, kind=PrekeyKind.SIGNED, key_id=1, packed=b"x", forget_on=date(2100, 1, 1)
        ),
        "delivery_token_digest_length": lambda device: DeliveryToken.objects.create(
            digest=b"x", recipient=device.user
        ),
        "withdrawn_token_digest_length": lambda device: WithdrawnToken.objects.create(
            digest=b"x", recipient=device.user
        ),
        "delivery_token_pk": lambda device: DeliveryToken.objects.bulk_create(
            [DeliveryToken(digest=bytes(32), recipient=device.user) for _ in range(2)]
        ),
    }


@pytest.mark.db
@pytest.mark.parametrize("name", refused_rows())
def test_database_refuses(name: str) -> None:
    device = make_device()

    with pytest.raises(IntegrityError), transaction.atomic():
        refused_rows()[name](device)


@pytest.mark.db
def test_bytes_come_back_as_they_went_in() -> None:
    raw = bytes(range(256))
    StandingPrekey.objects.create(device=make_device(), kind=PrekeyKind.SIGNED, key_id=1, packed=raw)

    assert bytes(StandingPrekey.objects.get().packed) == raw


@pytest.mark.parametrize("model", MODELS)
def test_rows_show_themselves_without_ids(model: type[models.Model]) -> None:
    made = model(pk=uuid.uuid4() if isinstance(model._meta.pk, models.UUIDField) else bytes(32))

    assert str(made.pk) not in str(made)


def test_time_of_the_last_login_is_not_kept() -> None:
    assert not hasattr(User(), "last_login") or User().last_login is None
    assert "last_login" not in {field.name for field in User._meta.get_fields()}


def test_operators_are_made_by_a_command() -> None:
    olga = User.objects.create_superuser("olga", "correct horse battery")

    assert olga.is_staff
    assert olga.has_perm("accounts.view_user")
    assert not make_user("ada").has_perm("accounts.view_user")
    assert not olga.devices.exists()
