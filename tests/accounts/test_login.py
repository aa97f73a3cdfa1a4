"""Login: a password for the user, a proof for the device, and one answer for whatever is wrong."""

import uuid
from typing import Any

import pytest
from django.conf import settings

from accounts.challenges import CHALLENGE_TTL, issue_challenge, spend_challenge
from accounts.models import Device, DeviceLogin
from accounts.tokens import ACCESS_LIFETIME, REFRESH_LIFETIME, TokenKind, read_token
from mesa import store
from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.crypto.identity import create_device
from tests.accounts.rest import Rest, code
from tests.factories import PASSWORD, keys_of, make_device, make_user

REFUSED = (401, "login_refused")


def log_in(device: Device, /, **changes: Any) -> Any:
    return Rest().log_in(keys_of(device), device.pk, device.user.username, **changes)


def test_login_gives_tokens_that_name_user_and_login() -> None:
    ada = make_device(username="ada")

    answer = log_in(ada).json()

    assert answer.keys() == {"user", "device", "sid", "access", "refresh"}
    assert (answer["user"], answer["device"]) == (str(ada.user_id), str(ada.pk))
    access = read_token(answer["access"], TokenKind.ACCESS)
    refresh = read_token(answer["refresh"], TokenKind.REFRESH)
    assert access.user_id == refresh.user_id == ada.user_id
    assert str(access.sid) == str(refresh.sid) == answer["sid"]
    assert refresh.expires_at - access.expires_at == REFRESH_LIFETIME - ACCESS_LIFETIME


def test_login_is_bound_to_the_device_that_proved_itself() -> None:
    ada = make_device(username="ada")

    sid = log_in(ada).json()["sid"]

    assert DeviceLogin.objects.get(pk=sid).device_id == ada.pk


def test_name_is_folded_at_login_too() -> None:
    assert log_in(make_device(username="ada"), username="ADA").status_code == 200


def test_wrong_password_is_refused() -> None:
    assert code(log_in(make_device(username="ada"), password="wrong horse battery")) == REFUSED


def test_unknown_name_is_refused() -> None:
    assert code(log_in(make_device(username="ada"), username="mallory")) == REFUSED


def test_banned_user_is_told_so_once_everything_is_right() -> None:
    ada = make_device(user=make_user("ada", is_active=False))
    mallory = make_device(username="mallory")

    assert code(log_in(ada)) == (403, "banned")
    assert code(log_in(ada, password="wrong horse battery")) == REFUSED
    assert code(Rest().log_in(keys_of(mallory), ada.pk, "ada")) == REFUSED


def test_device_of_somebody_else_is_refused() -> None:
    ada, mallory = make_device(username="ada"), make_device(username="mallory")

    # Mallory knows her own password and signs well, but for her own account she names ada's device.
    assert code(Rest().log_in(keys_of(ada), ada.pk, mallory.user.username)) == REFUSED


def test_unknown_device_is_refused() -> None:
    assert code(log_in(make_device(username="ada"), device=str(uuid.uuid4()))) == REFUSED


def test_proof_by_another_key_is_refused() -> None:
    ada = make_device(username="ada")

    assert code(Rest().log_in(create_device(), ada.pk, "ada")) == REFUSED


def test_proof_of_another_challenge_is_refused() -> None:
    ada = make_device(username="ada")

    assert code(log_in(ada, challenge=Rest().challenge())) == REFUSED


def test_challenge_that_was_never_issued_is_refused() -> None:
    ada = make_device(username="ada")
    challenge = bytes(32)

    refused = log_in(
        ada, challenge=b64_text(challenge), signature=b64_text(keys_of(ada).prove_login(challenge))
    )

    assert code(refused) == REFUSED


def test_replayed_challenge_is_refused() -> None:
    ada = make_device(username="ada")
    challenge = Rest().challenge()
    again = {"challenge": challenge, "signature": b64_text(keys_of(ada).prove_login(b64_bytes(challenge)))}
    assert log_in(ada, **again).status_code == 200

    assert code(log_in(ada, **again)) == REFUSED


def test_challenge_is_spent_by_a_refused_login_too() -> None:
    ada = make_device(username="ada")
    challenge = Rest().challenge()
    again = {"challenge": challenge, "signature": b64_text(keys_of(ada).prove_login(b64_bytes(challenge)))}
    log_in(ada, password="wrong horse battery", **again)

    assert code(log_in(ada, **again)) == REFUSED


def test_challenge_lives_a_minute_and_is_not_in_the_store_itself(empty_store: store.Client) -> None:
    challenge = issue_challenge()

    (key,) = empty_store.scan_iter(match="*challenge*")
    assert 0 < empty_store.pttl(key) <= CHALLENGE_TTL.total_seconds() * 1_000
    assert b64_text(challenge) not in key
    assert challenge.hex() not in key
    assert spend_challenge(challenge)
    assert not spend_challenge(challenge)


def test_all_refusals_read_alike() -> None:
    ada = make_device(username="ada")

    bodies = {
        log_in(ada, password="wrong horse battery").content,
        log_in(ada, username="mallory").content,
        log_in(ada, device=str(uuid.uuid4())).content,
        log_in(ada, signature=b64_text(bytes(64))).content,
    }

    assert len(bodies) == 1


def test_five_wrong_passwords_lock_name_and_address() -> None:
    ada = make_device(username="ada")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        log_in(ada, password="wrong horse battery")

    locked = log_in(ada)

    assert code(locked) == (429, "throttled")
    assert locked.headers["Retry-After"] == str(15 * 60)


def test_lock_holds_for_that_name_only() -> None:
    ada, bo = make_device(username="ada"), make_device(username="bo")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        log_in(ada, password="wrong horse battery")

    assert log_in(bo).status_code == 200


def test_unknown_name_locks_like_a_known_one() -> None:
    ada = make_device(username="ada")

    answers = [log_in(ada, username="mallory").status_code for _ in range(settings.AXES_FAILURE_LIMIT + 1)]

    assert answers == [401] * (settings.AXES_FAILURE_LIMIT - 1) + [429] * 2


def test_good_login_starts_the_count_anew() -> None:
    ada = make_device(username="ada")
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        log_in(ada, password="wrong horse battery")
    log_in(ada)

    assert code(log_in(ada, password="wrong horse battery")) == REFUSED
    assert log_in(ada).status_code == 200


def test_failed_logins_leave_neither_name_nor_address_in_the_store(empty_store: store.Client) -> None:
    ada = make_device(username="ada-who-tries")

    log_in(ada, password="wrong horse battery")

    kept = " ".join(f"{key} {empty_store.get(key)}" for key in empty_store.scan_iter())
    assert "ada-who" not in kept
    assert "127.0.0.1" not in kept


@pytest.mark.parametrize("missing", ["username", "password", "device", "challenge", "signature", "cookies"])
def test_login_needs_each_of_its_keys(missing: str) -> None:
    ada = make_device(username="ada")
    challenge = Rest().challenge()
    body = {
        "username": "ada",
        "password": PASSWORD,
        "device": str(ada.pk),
        "challenge": challenge,
        "signature": b64_text(keys_of(ada).prove_login(b64_bytes(challenge))),
        "cookies": False,
    }
    del body[missing]

    response = Rest().post("login/", body)

    assert code(response) == (400, "invalid")
    assert list(response.json()["fields"]) == [missing]
