"""Passwords are hashed a few at a time, by the slow hashes of the settings."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from accounts import passwords
from accounts.errors import TooBusy
from accounts.passwords import AT_ONCE, hashing_slot
from mesa import settings
from mesa.http import LANES
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import PASSWORD, keys_of, make_device, make_statement
from tests.waiting import wait_for

# Less than who waits for a turn waits: a refusal by then was one at once.
LIMIT_S = 4.0


def sign_up(name: str) -> Any:
    statement = b64_text(make_statement(name))
    return Rest().post("register/", {"username": name, "password": PASSWORD, "statements": [statement]})


def test_hashes_come_in_the_order_of_the_design() -> None:
    assert [name.rpartition(".")[2] for name in settings.PASSWORD_HASHERS] == [
        "Argon2PasswordHasher",
        "BCryptSHA256PasswordHasher",
    ]


def test_nobody_waits_for_ever_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = make_device(username="ada")
    monkeypatch.setattr(passwords, "WAIT_S", 0.01)
    with ExitStack() as all_turns:
        for _ in range(AT_ONCE):
            all_turns.enter_context(hashing_slot())

        answers = [Rest().log_in(keys_of(ada), ada.pk, "ada"), sign_up("bo")]

    assert [code(answer) for answer in answers] == [(503, "unavailable")] * 2


def test_few_wait_for_a_turn_so_that_others_are_answered_meanwhile() -> None:
    """Of the threads that answer requests most are left to those who need no password."""
    over, holding, refused = threading.Event(), [], []

    def hold() -> None:
        try:
            with hashing_slot():
                holding.append(1)
                over.wait(LIMIT_S)
        except TooBusy:
            refused.append(1)

    with ThreadPoolExecutor(LANES) as threads:
        for _ in range(LANES):
            threads.submit(hold)
        try:
            wait_for(lambda: len(refused) >= LANES / 2, limit_s=LIMIT_S)
            assert len(holding) == AT_ONCE
        finally:
            over.set()


def test_turn_is_given_back_after_a_refusal() -> None:
    ada = make_device(username="ada")
    for _ in range(AT_ONCE):
        Rest().log_in(keys_of(ada), ada.pk, "ada", password="wrong horse battery")

    assert Rest().log_in(keys_of(ada), ada.pk, "ada").status_code == 200
