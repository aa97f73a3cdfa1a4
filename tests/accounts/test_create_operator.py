"""`manage.py createsuperuser` makes an operator: an account without a device."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Device, User
from tests.accounts.rest import Rest, code
from tests.factories import PASSWORD, keys_of, make_device, make_login, make_user


@pytest.fixture(autouse=True)
def given_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)


def create(username: str) -> None:
    call_command("createsuperuser", "--noinput", "--username", username, stdout=StringIO())


def test_operator_sees_and_acts_and_has_no_device() -> None:
    create("olga")

    olga = User.objects.get()
    assert (olga.is_staff, olga.is_superuser, olga.is_active) == (True, True, True)
    assert not Device.objects.exists()
    client = Client()
    client.post("/admin/login/", {"username": "olga", "password": PASSWORD})
    assert client.get("/admin/accounts/invitation/make/").status_code == 200


@pytest.mark.parametrize("username", ["Olga", "o", "1olga", "olga!", "x" * 33, "ольга"])
def test_name_that_no_user_could_have_is_refused(username: str) -> None:
    with pytest.raises(CommandError, match=r"letters a to z|at most 32 characters"):
        create(username)

    assert not User.objects.exists()


def test_name_that_is_taken_is_refused() -> None:
    make_user("olga")

    with pytest.raises(CommandError, match="taken"):
        create("olga")


def test_operator_is_not_in_the_messenger() -> None:
    create("olga")
    ada = Rest(make_login(username="ada"))

    assert ada.get("users/", prefix="olga").json() == {"users": []}
    assert code(ada.post("bundles/", {"username": "olga", "token": None})) == (404, "not_found")


def test_password_alone_does_not_log_an_operator_into_the_messenger() -> None:
    create("olga")
    ada = make_device(username="ada")

    assert code(Rest().log_in(keys_of(ada), ada.pk, "olga")) == (401, "login_refused")


def ask(monkeypatch: pytest.MonkeyPatch, *answers: str) -> str:
    """Run the command at a terminal, as far as it asks for passwords; returns what it complains of."""
    typed: Any = iter(answers)
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD")
    command = "django.contrib.auth.management.commands.createsuperuser"
    monkeypatch.setattr(f"{command}.getpass.getpass", lambda *_: next(typed))
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    complaints = StringIO()
    call_command(
        "createsuperuser", "--username", "olga", stdin=Terminal(), stdout=StringIO(), stderr=complaints
    )
    return complaints.getvalue()


class Terminal:
    """A standard input that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("weak", ["short", "password123", "1234567890"])
def test_weak_password_is_complained_of(monkeypatch: pytest.MonkeyPatch, weak: str) -> None:
    complaints = ask(monkeypatch, weak, weak, PASSWORD, PASSWORD)

    assert "password is too" in complaints
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("fields", "may_look", "may_change"),
    [
        ({}, False, False),
        ({"is_staff": True}, True, False),
        ({"is_staff": True, "is_superuser": True}, True, True),
        ({"is_staff": True, "is_superuser": True, "is_active": False}, False, False),
    ],
)
def test_who_is_no_superuser_may_only_look(fields: dict[str, Any], may_look: bool, may_change: bool) -> None:
    user = make_user("olga", **fields)

    assert user.has_perm("accounts.view_user") is may_look
    assert user.has_perm("accounts.change_user") is may_change
