"""Each user says who finds the name; a hidden one can not be told from one who does not exist."""

import hashlib
import secrets
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from p2p.protocol.fields import b64_text
from tests.accounts.rest import ENVELOPE, Rest, code
from tests.factories import LoggedIn, make_delivery_token, make_login, make_prekeys

NAME = "bo-the-hidden"
NOBODY = "bo-whom-nobody-is"


@pytest.fixture
def bo() -> LoggedIn:
    bo = make_login(username=NAME)
    Rest(bo).put("prekeys/", make_prekeys(bo.device))
    return bo


@pytest.fixture
def ada() -> Rest:
    return Rest(make_login(username="ada"))


def choose(bo: LoggedIn, visibility: str) -> None:
    assert Rest(bo).put("settings/", {"visibility": visibility}).status_code == 204


def found(ada: Rest, prefix: str) -> list[str]:
    return [user["username"] for user in ada.get("users/", prefix=prefix).json()["users"]]


def fingerprint_of(login: LoggedIn) -> bytes:
    return hashlib.sha256(bytes(login.device.user.statements.get(version=0).signed)).digest()


def claim(ada: Rest, name: str, *, token: bytes | None = None, fingerprint: bytes | None = None) -> Any:
    texts = {"token": token, "fingerprint": fingerprint}
    body = {key: None if raw is None else b64_text(raw) for key, raw in texts.items()}
    return ada.post("bundles/", {"username": name, **body})


def test_users_are_found_by_prefix_until_they_choose(bo: LoggedIn, ada: Rest) -> None:
    assert Rest(bo).get("settings/").json() == {"visibility": "prefix"}
    assert found(ada, NAME[:3]) == [NAME]


@pytest.mark.parametrize(
    ("visibility", "by_prefix", "by_name"),
    [("prefix", [NAME], [NAME]), ("exact", [], [NAME]), ("hidden", [], [])],
)
def test_search_finds_whom_the_setting_allows(
    bo: LoggedIn, ada: Rest, visibility: str, by_prefix: list[str], by_name: list[str]
) -> None:
    choose(bo, visibility)

    assert Rest(bo).get("settings/").json() == {"visibility": visibility}
    assert found(ada, NAME[:-1]) == by_prefix
    assert found(ada, NAME) == by_name


def test_two_characters_find_no_hidden_user(ada: Rest) -> None:
    choose(make_login(username="bo"), "hidden")

    assert found(ada, "bo") == []


@pytest.mark.parametrize("visibility", ["prefix", "exact"])
def test_keys_of_who_is_not_hidden_are_there_for_the_name(bo: LoggedIn, ada: Rest, visibility: str) -> None:
    choose(bo, visibility)

    assert claim(ada, NAME).json()["username"] == NAME


def test_hidden_user_is_found_by_who_names_the_fingerprint_or_holds_a_token(bo: LoggedIn, ada: Rest) -> None:
    token = make_delivery_token(recipient=bo.device.user)
    choose(bo, "hidden")

    assert claim(ada, NAME, fingerprint=fingerprint_of(bo)).json()["username"] == NAME
    assert claim(ada, NAME, token=token).json()["devices"][0]["one_time"] is not None


def test_requests_reach_a_hidden_user_whose_device_is_known(bo: LoggedIn, ada: Rest) -> None:
    choose(bo, "hidden")
    body = {"token": None, "username": NAME, "device": str(bo.device.pk), "envelope": ENVELOPE}

    assert ada.post("mailbox/", body).status_code == 202


def questions(ada: Rest, name: str) -> dict[str, Any]:
    """Everything that a stranger can ask with a name."""
    foreign = make_delivery_token(recipient=make_login().device.user)
    post = {"token": None, "username": name, "device": str(make_login().device.pk), "envelope": ENVELOPE}
    return {
        "search": lambda: ada.get("users/", prefix=name),
        "prefix": lambda: ada.get("users/", prefix=name[:-1]),
        "claim": lambda: claim(ada, name),
        "other token": lambda: claim(ada, name, token=foreign),
        "no token": lambda: claim(ada, name, token=secrets.token_bytes(32)),
        "other fingerprint": lambda: claim(ada, name, fingerprint=secrets.token_bytes(32)),
        "post": lambda: ada.post("mailbox/", post),
    }


QUESTIONS = ["search", "prefix", "claim", "other token", "no token", "other fingerprint", "post"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_hidden_user_looks_like_nobody(bo: LoggedIn, ada: Rest, question: str) -> None:
    choose(bo, "hidden")
    ask_hidden, ask_nobody = (questions(ada, name)[question] for name in (NAME, NOBODY))

    with CaptureQueriesContext(connection) as for_hidden:
        hidden = ask_hidden()
    with CaptureQueriesContext(connection) as for_nobody:
        nobody = ask_nobody()

    assert (hidden.status_code, hidden.content) == (nobody.status_code, nobody.content)
    assert dict(hidden.headers) == dict(nobody.headers)
    assert len(for_hidden) == len(for_nobody)


@pytest.mark.parametrize("question", ["search", "claim"])
def test_who_is_not_hidden_does_not_look_like_nobody(bo: LoggedIn, ada: Rest, question: str) -> None:
    shown, nobody = (questions(ada, name)[question]() for name in (NAME, NOBODY))

    assert shown.content != nobody.content


@pytest.mark.parametrize(
    "body", [{}, {"visibility": "all"}, {"visibility": None}, {"visibility": "exact", "more": 1}]
)
def test_settings_have_one_shape(bo: LoggedIn, body: dict[str, Any]) -> None:
    assert code(Rest(bo).put("settings/", body)) == (400, "invalid")
    assert User.objects.get(username=NAME).visibility == "prefix"
