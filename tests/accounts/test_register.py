"""Sign-up: what it needs, what it leaves, and what it refuses."""

from typing import Any

import pytest

from accounts.models import Device, Statement, User
from accounts.names import reservation_digest
from accounts.removal import remove_account
from p2p.protocol.fields import b64_text
from peer_agent.crypto.identity import DeviceKeys, create_device
from tests.accounts.rest import Rest, code
from tests.factories import PASSWORD, make_statement, make_user, today


def body(username: str = "ada", *, keys: DeviceKeys | None = None, **changes: Any) -> dict[str, Any]:
    statement = b64_text(make_statement(username, keys=keys))
    return {"username": username, "password": PASSWORD, "statements": [statement], **changes}


def test_registration_makes_user_chain_and_device() -> None:
    keys = create_device()

    response = Rest().post("register/", body("ada", keys=keys))

    user, device = User.objects.get(), Device.objects.get()
    assert response.status_code == 201
    assert response.json() == {"user": str(user.pk), "username": "ada", "device": str(device.pk)}
    assert device.pk.bytes == keys.device_id
    assert bytes(device.signing_key) == keys.signing.public.raw
    assert list(Statement.objects.values_list("user", "version")) == [(user.pk, 0)]


def test_password_is_kept_as_a_hash_only() -> None:
    Rest().post("register/", body("ada"))

    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert PASSWORD not in user.password


def test_name_is_folded_before_it_is_compared() -> None:
    response = Rest().post("register/", {**body("ada"), "username": "\uff21DA"})

    assert response.status_code == 201
    assert response.json()["username"] == "ada"


@pytest.mark.parametrize(
    "username", ["a", "a" * 33, "1ada", "_ada", "ada!", "ad a", "adą", "ada\n", "", "ада"]
)
def test_name_outside_the_alphabet_is_refused(username: str) -> None:
    response = Rest().post("register/", {**body(), "username": username})

    assert code(response) == (400, "invalid")
    assert "username" in response.json()["fields"]


@pytest.mark.parametrize("password", ["short", "x" * 1_025, "1234567890", "password123", ""])
def test_weak_password_is_refused(password: str) -> None:
    response = Rest().post("register/", body(password=password))

    assert code(response) == (400, "invalid")
    assert list(response.json()["fields"]) == ["password"]


def test_taken_name_is_refused() -> None:
    make_user("ada")

    assert code(Rest().post("register/", body("ada"))) == (409, "username_taken")


def test_name_of_a_removed_user_stays_reserved() -> None:
    remove_account(user=make_user("ada"))

    assert not User.objects.exists()
    assert code(Rest().post("register/", body("ada"))) == (409, "username_taken")


def test_reserved_name_can_not_be_read_from_its_row() -> None:
    assert b"ada" not in reservation_digest("ada")
    assert reservation_digest("ada") == reservation_digest("ada") != reservation_digest("bo")


def test_statement_with_another_name_is_refused() -> None:
    statements = [b64_text(make_statement("bo"))]

    assert code(Rest().post("register/", body("ada", statements=statements))) == (422, "statement_invalid")
    assert not User.objects.exists()


def test_statement_with_a_bad_signature_is_refused() -> None:
    signed = bytearray(make_statement("ada"))
    signed[-1] ^= 1

    assert code(Rest().post("register/", body(statements=[b64_text(bytes(signed))]))) == (
        422,
        "statement_invalid",
    )


def test_device_of_somebody_else_is_refused() -> None:
    keys = create_device()
    Rest().post("register/", body("ada", keys=keys))

    assert code(Rest().post("register/", body("mallory", keys=keys))) == (422, "statement_invalid")
    assert User.objects.get().username == "ada"


def test_device_id_that_is_no_uuid4_is_refused() -> None:
    keys = create_device()
    odd = DeviceKeys(type(keys.device_id)(bytes(16)), keys.signing, keys.agreement)

    assert code(Rest().post("register/", body("ada", keys=odd))) == (422, "statement_invalid")


@pytest.mark.parametrize("days", [-3, 3])
def test_statement_of_another_day_is_refused(days: int) -> None:
    statements = [b64_text(make_statement("ada", day=today() + days))]

    assert code(Rest().post("register/", body("ada", statements=statements))) == (422, "statement_invalid")


@pytest.mark.parametrize("statements", [[], ["AA", "AQ"], ["AA", "AA"], None, "AA", ["A"], [7], [""]])
def test_other_than_one_statement_is_refused(statements: Any) -> None:
    assert code(Rest().post("register/", body(statements=statements))) == (400, "invalid")


def test_registration_does_not_log_in() -> None:
    response = Rest().post("register/", body("ada"))

    assert not response.cookies
