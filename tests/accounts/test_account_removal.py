"""The end of an account, by its owner: the password is asked for, and nothing of it stays in any table."""

import hashlib
import secrets
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from accounts.delivery import delete_tokens, digest_of, recipient_of
from accounts.models import Envelope, ReservedName, User
from accounts.names import reservation_digest
from p2p.protocol.fields import b64_text
from peer_agent.crypto.identity import create_device
from tests.accounts.household import Household
from tests.accounts.rest import ENVELOPE, Rest, code
from tests.factories import PASSWORD, make_delivery_token, make_login, make_prekeys, make_statement

TRANSACTIONS = "/api/p2p/transactions/"


@pytest.fixture
def ada() -> Household:
    return Household("ada-who-leaves")


def remove(ada: Household, password: str = PASSWORD) -> Any:
    return ada.rest.delete("me/", {"password": password})


def test_account_ends_by_its_password(ada: Household) -> None:
    assert remove(ada).status_code == 204

    assert not User.objects.filter(pk=ada.user.pk).exists()
    assert code(ada.rest.get("me/")) == (401, "not_authenticated")
    assert code(Rest().log_in(ada.keys, ada.login.device.pk, "ada-who-leaves")) == (401, "login_refused")
    assert code(Rest().post("refresh/", {"refresh": ada.login.tokens.refresh})) == (401, "not_authenticated")


def test_wrong_password_removes_nothing(ada: Household) -> None:
    assert code(remove(ada, "another correct horse")) == (403, "wrong_password")

    assert ada.rest.get("me/").status_code == 200


def test_wrong_passwords_are_counted(ada: Household) -> None:
    answers = [remove(ada, "another correct horse") for _ in range(5)]

    assert code(answers[4]) == (429, "throttled")
    assert code(remove(ada)) == (429, "throttled")


def test_password_is_needed(ada: Household) -> None:
    assert code(ada.rest.delete("me/", {})) == (400, "invalid")


class LateHasher(MD5PasswordHasher):
    """Finds a password right, and lets the user be recovered before it says so."""

    def verify(self, password: str, encoded: str) -> bool:
        is_right: bool = super().verify(password, encoded)
        user = User.objects.get()
        user.set_password("set by the recovery code")
        user.save()
        return is_right


def test_password_that_was_reset_meanwhile_removes_nothing(ada: Household) -> None:
    with override_settings(PASSWORD_HASHERS=["tests.accounts.test_account_removal.LateHasher"]):
        response = remove(ada)

    assert code(response) == (403, "wrong_password")
    assert User.objects.filter(pk=ada.user.pk).exists()


def test_no_table_names_the_user_afterwards(ada: Household) -> None:
    fill(ada)
    marks = marks_of(ada)
    assert tables_with(marks) == {
        "accounts_user",
        "accounts_device",
        "accounts_statement",
        "accounts_standingprekey",
        "accounts_onetimeprekey",
        "accounts_deliverytoken",
        "accounts_withdrawntoken",
        "accounts_envelope",
        "accounts_devicelogin",
    }

    assert remove(ada).status_code == 204

    assert tables_with(marks) == set()
    assert [bytes(row.digest) for row in ReservedName.objects.all()] == [reservation_digest("ada-who-leaves")]


def fill(ada: Household) -> None:
    """Have a row in each table that can have one of this user."""
    ada.rest.put("prekeys/", make_prekeys(ada.login.device))
    make_delivery_token(recipient=ada.user)
    delete_tokens(user=ada.user, digests=[digest_of(make_delivery_token(recipient=ada.user))])
    Envelope.objects.create(device=ada.login.device, sealed=bytes(49), expires_on=timezone.now().date())
    ada.link(create_device())
    assert code(remove(ada, "another correct horse")) == (403, "wrong_password")
    body = {"id": "0b8e0b1c-5f0e-4b7e-9d5c-0d9f2f1d3a11", "token": b64_text(bytes(32)), "tickets": []}
    assert ada.rest.client.post(TRANSACTIONS, body, content_type="application/json").status_code == 202


def marks_of(ada: Household) -> list[bytes]:
    """Every form in which a row could name the user or one of the devices."""
    ids = [ada.user.pk, *(device.pk for device in ada.user.devices.all())]
    forms = [form for each in ids for form in (each.bytes, each.hex.encode(), str(each).encode())]
    name = b"ada-who-leaves"
    return [*forms, name, hashlib.sha256(name).digest(), hashlib.sha256(name).hexdigest().encode()]


def tables_with(marks: list[bytes]) -> set[str]:
    """All tables of the database, Django's own too, with a row that holds one of the marks."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a table's name
            values = [as_bytes(value) for row in cursor.fetchall() for value in row]
            if any(mark in value for mark in marks for value in values):
                found.add(table)
    return found


def as_bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def test_tokens_of_a_removed_user_answer_as_for_one_who_is_offline(ada: Household) -> None:
    token = make_delivery_token(recipient=ada.user)
    device = str(ada.login.device.pk)
    bo = Rest(make_login(username="bo"))
    offline = make_login(username="carol-offline").device
    offline_token = make_delivery_token(recipient=offline.user)
    assert remove(ada).status_code == 204
    assert recipient_of(digest_of(token)) is None

    answers = [
        (start(bo, each), post(bo, each, at))
        for each, at in ((token, device), (offline_token, str(offline.pk)))
    ]

    assert answers[0] == answers[1] == ((202, b""), (202, b"{}"))


def start(caller: Rest, token: bytes) -> tuple[int, bytes]:
    ident = f"{secrets.token_hex(4)}-0000-4000-8000-{secrets.token_hex(6)}"
    body = {"id": ident, "token": b64_text(token), "tickets": []}
    answer = caller.client.post(TRANSACTIONS, body, content_type="application/json")
    return answer.status_code, answer.content.replace(f'{{"id":"{ident}"}}'.encode(), b"")


def post(caller: Rest, token: bytes, device: str) -> tuple[int, bytes]:
    body = {"token": b64_text(token), "username": None, "device": device, "envelope": ENVELOPE}
    answer = caller.post("mailbox/", body)
    return answer.status_code, answer.content


def test_name_of_a_removed_user_is_taken(ada: Household) -> None:
    remove(ada)

    statement = b64_text(make_statement("ada-who-leaves"))
    body = {"username": "ada-who-leaves", "password": PASSWORD, "statements": [statement]}

    assert code(Rest().post("register/", body)) == (409, "username_taken")


def test_others_stay(ada: Household) -> None:
    bo = Rest(make_login(username="bo"))

    remove(ada)

    assert bo.get("me/").status_code == 200
