"""Who may make an account: anybody, who has an invitation, nobody."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from accounts.invitations import make_invitations, withdraw_invitations
from accounts.models import Invitation, User
from accounts.passwords import AT_ONCE, hashing_slot
from accounts.pruning import prune_expired_rows
from mesa.dumps import Dump, differences, take_dump
from mesa.env import EnvError, choice
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import PASSWORD, make_statement, make_user

CLOSED = override_settings(REGISTRATION="closed")
BY_INVITATION = override_settings(REGISTRATION="invitation")
REFUSED = (403, "invitation_refused")
RACERS = 4


def register(username: str = "ada", **more: str) -> Any:
    statements = [b64_text(make_statement(username))]
    body = {"username": username, "password": PASSWORD, "statements": statements}
    return Rest().post("register/", body | more)


def an_invitation(days: int = 1) -> str:
    (made,) = make_invitations(count=1, days=days)
    return made


@pytest.mark.parametrize("mode", ["open", "invitation", "closed"])
def test_server_says_who_may_register(mode: str) -> None:
    with override_settings(REGISTRATION=mode):
        assert Client().get("/api/server/").json()["registration"] == mode


def test_open_is_what_holds_when_nothing_is_set() -> None:
    assert settings.REGISTRATION == "open"
    assert register().status_code == 201


@CLOSED
@pytest.mark.parametrize("has_code", [False, True])
def test_closed_server_takes_nobody(has_code: bool) -> None:
    more = {"invitation": an_invitation()} if has_code else {}

    assert code(register(**more)) == (403, "registration_closed")
    assert not User.objects.exists()


@BY_INVITATION
def test_invitation_makes_one_account() -> None:
    invitation = an_invitation()

    assert register("ada", invitation=invitation).status_code == 201
    assert code(register("bo", invitation=invitation)) == REFUSED
    assert User.objects.count() == 1


@BY_INVITATION
@pytest.mark.parametrize("more", [{}, {"invitation": "-"}, {"invitation": "0000-0000-0000-0000"}])
def test_without_a_good_code_nobody_comes_in(more: dict[str, str]) -> None:
    an_invitation()

    assert code(register(**more)) == REFUSED
    assert not User.objects.exists()


@BY_INVITATION
def test_code_is_good_to_the_end_of_its_last_day() -> None:
    today = timezone.now().date()
    last, over = an_invitation(), an_invitation()
    first_row, second_row = Invitation.objects.all()
    Invitation.objects.update(expires_on=today)

    assert register("ada", invitation=last).status_code == 201

    Invitation.objects.update(expires_on=today - timedelta(days=1))
    assert code(register("bo", invitation=over)) == REFUSED
    assert {first_row.expires_on, second_row.expires_on} == {today + timedelta(days=1)}


@BY_INVITATION
@pytest.mark.parametrize("change", [str.lower, lambda text: text.replace("-", " "), lambda text: f" {text} "])
def test_code_is_read_as_people_write_it(change: Any) -> None:
    assert register(invitation=change(an_invitation())).status_code == 201


@BY_INVITATION
def test_letters_that_look_like_digits_are_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.invitations.ALPHABET", "01")
    misread = an_invitation().replace("0", "o").replace("1", "l")

    assert register(invitation=misread).status_code == 201


@BY_INVITATION
def test_refusal_for_another_reason_leaves_the_code_good() -> None:
    make_user("ada")
    invitation = an_invitation()

    assert code(register("ada", invitation=invitation)) == (409, "username_taken")
    assert register("bo", invitation=invitation).status_code == 201


@BY_INVITATION
def test_who_has_no_code_does_not_learn_which_names_are_taken() -> None:
    make_user("ada")

    assert code(register("ada")) == code(register("bo")) == REFUSED


@pytest.mark.parametrize(
    ("mode", "refusal"), [("invitation", REFUSED), ("closed", (403, "registration_closed"))]
)
def test_who_may_not_come_in_costs_no_hashing(mode: str, refusal: tuple[int, str]) -> None:
    with override_settings(REGISTRATION=mode), ExitStack() as all_slots:
        for _ in range(AT_ONCE):
            all_slots.enter_context(hashing_slot())

        assert code(register()) == refusal


def test_open_server_leaves_an_invitation_alone() -> None:
    invitation = an_invitation()

    assert register(invitation=invitation).status_code == 201
    assert Invitation.objects.count() == 1


@BY_INVITATION
def test_guesses_run_into_the_rate_of_registrations() -> None:
    answers = [register(invitation=f"{number:016}") for number in range(21)]

    assert {code(answer) for answer in answers[:20]} == {REFUSED}
    assert code(answers[20]) == (429, "throttled")


def changed(before: Dump, after: Dump) -> list[tuple[str, bool]]:
    """Tables whose rows differ, and whether a row came or went; the store's counters are left out."""
    return [
        (each.where, each.after is not None) for each in differences(before, after) if each.where != "store"
    ]


@BY_INVITATION
def test_no_row_ties_the_invited_to_the_invitation() -> None:
    make_invitations(count=5, days=7)
    invitation = an_invitation(days=7)
    before = take_dump()

    register(invitation=invitation)

    # What came says nothing of invitations; of the invitation nothing is left.
    assert sorted(changed(before, take_dump())) == [
        ("accounts_device", True),
        ("accounts_invitation", False),
        ("accounts_statement", True),
        ("accounts_user", True),
    ]


def test_row_holds_a_keyed_digest_and_a_day() -> None:
    invitation = an_invitation()

    (row,) = take_dump()["accounts_invitation"].values()

    assert row.keys() == {"digest", "expires_on"}
    assert invitation not in str(row)
    with override_settings(SECRET_KEY="another server's key, long enough to sign"), BY_INVITATION:
        assert code(register(invitation=invitation)) == REFUSED


def test_expired_invitations_are_pruned() -> None:
    make_invitations(count=2, days=3)
    Invitation.objects.update(expires_on=timezone.now().date() - timedelta(days=1))
    kept = an_invitation()

    prune_expired_rows()

    assert Invitation.objects.count() == 1
    with BY_INVITATION:
        assert register(invitation=kept).status_code == 201


@BY_INVITATION
def test_withdrawn_invitations_are_refused() -> None:
    invitation = an_invitation()

    assert withdraw_invitations() == 1
    assert code(register(invitation=invitation)) == REFUSED


def race(invitation: str, start: Barrier, number: int) -> int:
    try:
        start.wait(timeout=10)
        status: int = register(f"racer-{number}", invitation=invitation).status_code
        return status
    finally:
        connection.close()


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
@BY_INVITATION
def test_of_two_who_come_at_once_one_gets_in() -> None:
    invitation, start = an_invitation(), Barrier(RACERS)

    with ThreadPoolExecutor(RACERS) as pool:
        statuses = list(pool.map(lambda number: race(invitation, start, number), range(RACERS)))

    assert sorted(statuses) == [201] + [403] * (RACERS - 1)
    assert (User.objects.count(), Invitation.objects.count()) == (1, 0)


@BY_INVITATION
def test_command_prints_codes_that_are_good() -> None:
    printed = StringIO()

    call_command("mesa_invite", "--count", "3", "--days", "2", stdout=printed)

    codes = printed.getvalue().split()
    assert len(set(codes)) == 3
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", each) for each in codes)
    assert set(Invitation.objects.values_list("expires_on", flat=True)) == {
        timezone.now().date() + timedelta(days=2)
    }
    assert register(invitation=codes[1]).status_code == 201


@pytest.mark.parametrize("wrong", [("--count", "0"), ("--count", "101"), ("--days", "-1"), ("--days", "x")])
def test_command_refuses_numbers_out_of_range(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="a whole number from 1 to"):
        call_command("mesa_invite", *wrong)


def test_command_says_when_codes_are_not_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("mesa_invite", stdout=StringIO())

    assert capsys.readouterr().err == "Nobody needs these: MESA_REGISTRATION is open.\n"


def test_another_word_in_the_environment_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESA_REGISTRATION", "invited")

    with pytest.raises(EnvError, match="MESA_REGISTRATION must be one of: closed, invitation, open"):
        choice("MESA_REGISTRATION", "open", among={"open", "invitation", "closed"})
