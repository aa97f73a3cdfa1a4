"""What ends: a whole account when it is removed, and each row when its date has passed."""

import uuid
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from accounts import removal
from accounts.delivery import delete_tokens, digest_of
from accounts.models import DeviceLogin, Envelope, OneTimePrekey, PrekeyKind, ReservedName, RevokedToken, User
from accounts.names import reservation_digest
from accounts.pruning import prune_expired_rows
from accounts.removal import remove_account
from accounts.tasks import prune_expired
from mesa import deadlines
from mesa.celery import app
from tests.accounts.rest import Rest
from tests.factories import make_delivery_token, make_login, make_prekeys, make_user


def rows_left() -> dict[str, int]:
    counted = {
        model.__name__: model._default_manager.count()
        for model in apps.get_app_config("accounts").get_models()
    }
    return {name: count for name, count in counted.items() if count}


def test_removed_account_leaves_its_denied_login_and_reserved_name_only() -> None:
    ada = make_login(username="ada")
    Rest(ada).put("prekeys/", make_prekeys(ada.device))
    make_delivery_token(recipient=ada.device.user)
    withdrawn = digest_of(make_delivery_token(recipient=ada.device.user))
    delete_tokens(user=ada.device.user, digests=[withdrawn])
    Envelope.objects.create(device=ada.device, sealed=bytes(49), expires_on=timezone.now().date())

    remove_account(user=ada.device.user)

    assert rows_left() == {"RevokedToken": 1, "ReservedName": 1}


def test_removal_leaves_others_alone() -> None:
    ada, bo = make_login(), make_login()

    remove_account(user=ada.device.user)

    assert Rest(bo).get("me/").status_code == 200


def test_removal_calls_what_other_apps_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_removers", [])
    seen: list[tuple[str, bool]] = []

    def remover(user: User) -> None:
        seen.append((user.username, User.objects.filter(pk=user.pk).exists()))

    removal.register(remover)
    removal.register(remover)

    remove_account(user=make_user("ada"))

    # Once, although it was registered twice, and while the row was still there.
    assert seen == [("ada", True)]


def test_removal_that_fails_elsewhere_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(user: User) -> None:
        raise LookupError

    monkeypatch.setattr(removal, "_removers", [failing])
    ada = make_login(username="ada")

    with pytest.raises(LookupError):
        remove_account(user=ada.device.user)

    assert Rest(ada).get("me/").status_code == 200


def test_name_is_reserved_for_90_days() -> None:
    remove_account(user=make_user("ada"))

    row = ReservedName.objects.get()
    assert bytes(row.digest) == reservation_digest("ada")
    assert row.until == (timezone.now() + timedelta(days=90)).date()


def make_rows(day: date) -> None:
    device = make_login().device
    Envelope.objects.create(device=device, sealed=bytes(49), expires_on=day)
    OneTimePrekey.objects.create(device=device, kind=PrekeyKind.ONE_TIME, key_id=1, forget_on=day)
    DeviceLogin.objects.update(expires_on=day)
    RevokedToken.objects.create(pk=uuid.uuid4(), expires_on=day)
    ReservedName.objects.create(digest=bytes(32), until=day)


def test_rows_whose_date_has_passed_are_deleted() -> None:
    make_rows(timezone.now().date() - timedelta(days=1))

    assert prune_expired_rows() == 5

    assert rows_left() == {"User": 1, "Device": 1, "Statement": 1}


def test_rows_live_through_their_last_day() -> None:
    make_rows(timezone.now().date())

    prune_expired()
    prune_expired()

    assert prune_expired_rows() == 0


def test_every_row_with_a_date_is_pruned() -> None:
    from accounts.pruning import EXPIRING

    dated = {
        (model, field.name)
        for model in apps.get_app_config("accounts").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.DateField)
    }

    assert dated == set(EXPIRING)


def test_operators_logins_that_have_ended_are_pruned() -> None:
    now = timezone.now()
    for key, hours in (("over", -1), ("lasts", 1)):
        Session.objects.create(session_key=key, expire_date=now + timedelta(hours=hours))

    prune_expired_rows()

    assert [session.session_key for session in Session.objects.all()] == ["lasts"]


def test_pruning_is_due_by_itself() -> None:
    kind, _ = deadlines.kind_of("accounts_expired:")

    assert kind is not None
    assert kind.call == prune_expired.name
    assert kind.every is not None
    assert app.amqp.router.route({}, kind.call)["queue"].name == "maintenance"
