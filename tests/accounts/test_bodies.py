"""Bodies that do not have the shape of the page: refused on every route, each time as `invalid`."""

import json
import secrets
import uuid
from typing import Any

import pytest

from mesa import store
from p2p.protocol.fields import b64_text
from tests.accounts.rest import BASE, ENVELOPE, Rest, code
from tests.factories import PASSWORD, LoggedIn, make_login

INVALID = (400, "invalid")
B32 = b64_text(bytes(31) + b"\x01")
GOOD: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "register/"): {"username": "ada", "password": PASSWORD, "statements": ["AA"]},
    ("post", "challenges/"): {},
    ("post", "login/"): {
        "username": "ada",
        "password": PASSWORD,
        "device": str(uuid.uuid4()),
        "challenge": B32,
        "signature": b64_text(bytes(64)),
        "cookies": False,
    },
    ("post", "logout/"): {},
    ("post", "bundles/"): {"username": "ada", "token": None},
    ("put", "prekeys/"): {"signed_prekey": None, "last_resort": None, "one_time": [], "one_time_kem": []},
    ("post", "tokens/"): {"digests": [B32]},
    ("delete", "tokens/"): {"digests": [B32]},
    ("post", "mailbox/"): {
        "token": B32,
        "username": None,
        "device": str(uuid.uuid4()),
        "envelope": ENVELOPE,
    },
    ("delete", "mailbox/"): {"ids": [str(uuid.uuid4())]},
}
EACH = pytest.mark.parametrize(("method", "path"), GOOD, ids=[f"{method} {path}" for method, path in GOOD])


@pytest.fixture
def ada() -> LoggedIn:
    return make_login()


def send(rest: Rest, method: str, path: str, raw: str | bytes, content_type: str = "application/json") -> Any:
    return rest.client.generic(method.upper(), BASE + path, raw, content_type=content_type)


@EACH
def test_good_body_is_not_invalid(ada: LoggedIn, method: str, path: str) -> None:
    assert send(Rest(ada), method, path, json.dumps(GOOD[method, path])).status_code != 400


@EACH
def test_unknown_key_is_refused(ada: LoggedIn, method: str, path: str) -> None:
    response = send(Rest(ada), method, path, json.dumps({**GOOD[method, path], "more": 1}))

    assert code(response) == INVALID


@EACH
def test_each_missing_key_is_refused(ada: LoggedIn, method: str, path: str) -> None:
    for key in GOOD[method, path]:
        body = {name: value for name, value in GOOD[method, path].items() if name != key}

        response = send(Rest(ada), method, path, json.dumps(body))

        assert code(response) == INVALID
        assert list(response.json()["fields"]) == [key]


@EACH
def test_value_of_another_type_is_refused(
    ada: LoggedIn, empty_store: store.Client, method: str, path: str
) -> None:
    for key in GOOD[method, path]:
        # These are more calls than the limits allow.
        empty_store.flushall()
        wrongs: list[Any] = [7, 1.5, True if key != "cookies" else "true", {}, [[]], "\x00"]
        for wrong in wrongs:
            response = send(Rest(ada), method, path, json.dumps({**GOOD[method, path], key: wrong}))

            assert code(response) == INVALID, (key, wrong)


@EACH
@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"x"',
        "[" * 100_000,
        '{"a":' * 20_000,
        b"\xff\xfe",
        "\ufeff{}",
        '{"username": NaN}',
        '{"digests": Infinity}',
        '{"username": "ada", "username": "bo"}',
    ],
)
def test_what_is_no_json_object_is_refused(ada: LoggedIn, method: str, path: str, raw: str | bytes) -> None:
    # A request without any body is the same as an empty object.
    expected = {400} if raw else {400, 201, 204}

    assert send(Rest(ada), method, path, raw).status_code in expected


@EACH
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_other_media_type_is_refused(ada: LoggedIn, method: str, path: str, content_type: str) -> None:
    response = send(Rest(ada), method, path, json.dumps(GOOD[method, path]), content_type)

    assert response.status_code in {400, 415}


@EACH
def test_too_large_body_is_refused(ada: LoggedIn, method: str, path: str) -> None:
    body = json.dumps({**GOOD[method, path], "more": "x" * 256 * 1_024})

    assert code(send(Rest(ada), method, path, body)) == (413, "too_large")


@pytest.mark.parametrize(
    "text",
    [
        B32 + "=",
        B32 + "A",
        B32[:-1],
        # The last character carries two bits too many: another text for the same bytes.
        B32[:-1] + "F",
        B32.replace("A", "+", 1),
        B32.replace("A", "/", 1),
        B32 + "\n",
        " " + B32,
        B32[:20] + " " + B32[20:],
        b64_text(bytes(31)),
        b64_text(bytes(33)),
        "",
        "ą" * 43,
    ],
)
def test_binary_that_is_not_canonical_is_refused(ada: LoggedIn, text: str) -> None:
    assert code(Rest(ada).post("tokens/", {"digests": [text]})) == INVALID


@pytest.mark.parametrize(
    "text",
    [
        str(uuid.uuid4()).upper().replace("0", "A"),
        uuid.uuid4().hex,
        f"{{{uuid.uuid4()}}}",
        f"urn:uuid:{uuid.uuid4()}",
        str(uuid.uuid1()),
        str(uuid.UUID(int=0)),
        "",
        "x",
    ],
)
def test_id_that_is_not_canonical_is_refused(ada: LoggedIn, text: str) -> None:
    assert code(Rest(ada).delete("mailbox/", {"ids": [text]})) == INVALID


def test_long_list_is_refused_before_its_entries_are_read(ada: LoggedIn) -> None:
    response = Rest(ada).delete("mailbox/", {"ids": ["x"] * 10_000})

    assert code(response) == INVALID
    assert len(response.content) < 1_000


def test_refusal_does_not_repeat_what_was_sent(ada: LoggedIn) -> None:
    secret = secrets.token_hex(16)

    answers = [
        Rest(ada).post("tokens/", {"digests": [secret], secret: secret}),
        Rest().post("login/", {**GOOD["post", "login/"], "cookies": secret, "device": secret}),
        Rest(ada).delete("mailbox/", {"ids": [secret]}),
    ]

    for answer in answers:
        assert answer.status_code == 400
        assert secret not in answer.content.decode()
