"""After two users became contacts, nothing that the server holds or logged says so."""

import json
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.delivery import digest_of
from mesa import store
from mesa.dumps import take_dump
from p2p.protocol.fields import b64_text
from tests.accounts.rest import ENVELOPE, Rest
from tests.factories import LoggedIn, keys_of, make_login, make_prekeys

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def empty_world(empty_store: store.Client) -> None:
    """A store with nothing in it."""


class Person:
    """A user who becomes a contact: what the client does, as REST calls."""

    def __init__(self, username: str) -> None:
        self.login: LoggedIn = make_login(username=username)
        self.rest = Rest(self.login)
        self.token = secrets.token_bytes(32)
        self.rest.put("prekeys/", make_prekeys(self.login.device, one_time=2))

    def mint(self) -> None:
        assert self.rest.post("tokens/", {"digests": [b64_text(digest_of(self.token))]}).status_code == 204

    def claim(self, other: "Person", *, token: bytes | None) -> None:
        name = other.login.device.user.username
        body = {"username": name, "token": None if token is None else b64_text(token)}
        assert self.rest.post("bundles/", body).status_code == 200

    def post(self, other: "Person", *, token: bytes | None) -> None:
        body = {
            "token": None if token is None else b64_text(token),
            "username": other.login.device.user.username if token is None else None,
            "device": str(other.login.device.pk),
            "envelope": ENVELOPE,
        }
        assert self.rest.post("mailbox/", body).status_code == 202

    def empty_mailbox(self) -> None:
        ids = [each["id"] for each in self.rest.get("mailbox/").json()["envelopes"]]
        assert self.rest.delete("mailbox/", {"ids": ids}).status_code == 204

    def marks(self) -> set[str]:
        """Every form in which a row or key could name this user."""
        device, user = self.login.device, self.login.device.user
        raw = [user.pk.bytes, device.pk.bytes, self.login.login.sid.bytes, self.token, digest_of(self.token)]
        raw += [bytes(device.signing_key), bytes(device.exchange_key)]
        forms = {form for each in raw for form in (each.hex(), b64_text(each), b64_text(each)[:-2])}
        ids = {str(user.pk), str(device.pk), str(self.login.login.sid), user.username}
        return forms | ids | set(self.counters())

    def counters(self) -> Iterator[str]:
        """The names under which requests of this user are counted."""
        for scope in settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]:
            ident = f"user {self.login.device.user_id}"
            yield salted_hmac(f"mesa/throttle/{scope}", ident, algorithm="sha256").hexdigest()[:32]


def become_contacts(ada: Person, bo: Person) -> None:
    ada.claim(bo, token=None)
    ada.mint()
    ada.post(bo, token=None)
    bo.empty_mailbox()
    bo.mint()
    bo.claim(ada, token=ada.token)
    bo.post(ada, token=ada.token)
    ada.empty_mailbox()
    ada.claim(bo, token=bo.token)


def entries() -> Iterator[tuple[str, str]]:
    """Everything the server holds, one text for each row and key."""
    for where, rows in take_dump().items():
        for name, fields in rows.items():
            yield where, f"{name} {json.dumps(fields)}"


def names(text: str, person: Person) -> bool:
    return any(mark in text for mark in person.marks())


@pytest.fixture
def people() -> tuple[Person, Person]:
    return Person("ada-of-this-test"), Person("bo-of-this-test")


def test_no_row_and_no_key_names_both(people: tuple[Person, Person]) -> None:
    ada, bo = people
    become_contacts(ada, bo)

    held = list(entries())

    assert [text for _, text in held if names(text, ada)]
    assert [text for _, text in held if names(text, bo)]
    assert [where for where, text in held if names(text, ada) and names(text, bo)] == []


def test_search_for_names_finds_what_it_should(people: tuple[Person, Person]) -> None:
    ada, bo = people
    token = b64_text(digest_of(ada.token))

    assert names(f"from {ada.login.device.pk} to {bo.login.device.pk}", ada)
    assert names(json.dumps({"digest": token}), ada)
    assert not names(json.dumps({"digest": token}), bo)


def test_being_contacts_changes_only_undated_rows_of_each_alone(people: tuple[Person, Person]) -> None:
    ada, bo = people
    before = take_dump()

    become_contacts(ada, bo)

    after = take_dump()
    changed = {where for where in after if where != "store" and before[where] != after[where]}
    # A one-time key less of each, a token more of each: rows of one user, without a time of this.
    assert changed == {"accounts_deliverytoken", "accounts_onetimeprekey"}


def test_counters_in_the_store_hold_no_common_time(people: tuple[Person, Person]) -> None:
    ada, bo = people
    become_contacts(ada, bo)

    held: dict[str, Any] = take_dump()["store"]
    quotas = [fields["value"] for name, fields in held.items() if ":quota:" in name]

    # A claim or a request moves a counter of its target or its sender; with a time in it the two would match.
    assert quotas
    assert all(str(value).isdigit() and int(value) < 10 for value in quotas)


def test_nothing_that_was_logged_names_anybody(
    people: tuple[Person, Person], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ada, bo = people

    become_contacts(ada, bo)
    device = ada.login.device
    Rest().log_in(keys_of(device), device.pk, device.user.username, password="wrong horse battery")

    assert not names(caplog.text, ada)
    assert not names(caplog.text, bo)
