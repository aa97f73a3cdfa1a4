"""Bundles: the chain for whoever knows the name, one-time keys for holders of a token."""

import uuid
from typing import Any

import pytest

from accounts import bundles
from accounts.models import Device, OneTimePrekey
from accounts.quotas import Quota
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import (
    LoggedIn,
    make_delivery_token,
    make_login,
    make_prekeys,
    make_user,
)


@pytest.fixture
def bo() -> LoggedIn:
    bo = make_login(username="bo")
    Rest(bo).put("prekeys/", make_prekeys(bo.device, one_time=2))
    return bo


def claim(token: bytes | None, username: str = "bo") -> Any:
    body = {"username": username, "token": None if token is None else b64_text(token)}
    return Rest(make_login()).post("bundles/", body)


def bundle(token: bytes | None) -> dict[str, Any]:
    response = claim(token)
    assert response.status_code == 200
    (device,) = response.json()["devices"]
    assert isinstance(device, dict)
    return device


def test_bundle_has_the_chain_and_each_device(bo: LoggedIn) -> None:
    answer = claim(None).json()

    signed = bo.device.user.statements.get().signed
    assert answer.keys() == {"username", "statements", "devices"}
    assert answer["username"] == "bo"
    assert answer["statements"] == [b64_text(bytes(signed))]
    assert [device["device"] for device in answer["devices"]] == [str(bo.device.pk)]


def test_token_gets_one_key_of_each_kind(bo: LoggedIn) -> None:
    token = make_delivery_token(recipient=bo.device.user)

    first, second = bundle(token), bundle(token)

    for place in ("one_time", "one_time_kem"):
        assert first[place] is not None
        assert second[place] is not None
        assert first[place] != second[place]
    assert first["signed_prekey"] == second["signed_prekey"] is not None
    assert not OneTimePrekey.objects.filter(packed__isnull=False).exists()


def test_claims_without_a_token_of_that_user_look_the_same(bo: LoggedIn) -> None:
    of_somebody_else = make_delivery_token(recipient=make_user())

    answers = [claim(token).content for token in (None, bytes(32), of_somebody_else)]

    assert len(set(answers)) == 1
    assert bundle(None)["one_time"] is bundle(None)["one_time_kem"] is None
    assert OneTimePrekey.objects.filter(packed__isnull=False).count() == 4


def test_empty_stock_looks_like_no_token(bo: LoggedIn) -> None:
    token = make_delivery_token(recipient=bo.device.user)
    OneTimePrekey.objects.all().delete()

    assert claim(token).content == claim(None).content


def test_device_without_prekeys_gives_nulls() -> None:
    make_login(username="bo")

    device = bundle(None)

    assert {place for place, packed in device.items() if packed is not None} == {"device"}


def test_each_device_gives_its_own_keys(bo: LoggedIn) -> None:
    from tests.factories import make_device

    second = make_login(device=make_device(user=bo.device.user))
    Rest(second).put("prekeys/", make_prekeys(second.device))
    token = make_delivery_token(recipient=bo.device.user)

    devices = claim(token).json()["devices"]

    assert {uuid.UUID(device["device"]) for device in devices} == {bo.device.pk, second.device.pk}
    assert len({device["one_time"] for device in devices}) == 2


@pytest.mark.parametrize("username", ["nobody", "", "%", "olga"])
def test_user_who_can_not_be_written_to_is_not_found(username: str) -> None:
    make_user("olga", is_staff=True)

    assert claim(None, username).status_code in {400, 404}


def test_inactive_user_is_not_found(bo: LoggedIn) -> None:
    Device.objects.get(pk=bo.device.pk).user.delete()

    assert code(claim(None)) == (404, "not_found")


def test_claims_of_one_target_are_bounded_for_all_callers_together(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = bundles.TARGET_QUOTA
    monkeypatch.setattr(bundles, "TARGET_QUOTA", Quota(quota.name, 2, quota.stretch))

    answers = [claim(None) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert code(answers[2]) == (429, "throttled")
    assert 1 <= int(answers[2].headers["Retry-After"]) <= quota.stretch.total_seconds()


def test_unknown_target_is_bounded_like_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    quota = bundles.TARGET_QUOTA
    monkeypatch.setattr(bundles, "TARGET_QUOTA", Quota(quota.name, 1, quota.stretch))

    assert [claim(None, "nobody").status_code for _ in range(2)] == [404, 429]
