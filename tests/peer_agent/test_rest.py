"""Requests: who gets the token, when it is renewed, and what each refusal means for a person."""

import asyncio
import base64
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from peer_agent import rest as rest_module
from peer_agent.api import Api
from peer_agent.errors import AgentError, ExitCode, LoginRefused, Refused, ServerUnreachable, UnknownUser
from peer_agent.rest import MAX_ANSWER_BYTES, MAX_RETRY_AFTER_S, Rest, Tokens
from tests.mesa.socket_app import let_others_run
from tests.peer_agent.fake_server import LATER

Answer = Callable[[httpx.Request], httpx.Response]


def a_token(expires_in_s: float, word: str = "t") -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + expires_in_s}).encode()).decode()
    return f"{word}.{claims.rstrip('=')}.s"


def a_rest(answer: Answer, *, access: str = LATER, saved: list[Tokens] | None = None) -> Rest:
    kept = [] if saved is None else saved
    return Rest(
        "http://127.0.0.1:9",
        tokens=Tokens(access, "refresh"),
        save=kept.append,
        transport=httpx.MockTransport(answer),
    )


def problem(status: int, code: str, **more: object) -> Answer:
    headers = {"Retry-After": "7"} if status in (429, 503) else {}
    return lambda request: httpx.Response(status, json={"code": code, **more}, headers=headers)


@pytest.mark.parametrize(
    ("status", "code", "error", "exit_code"),
    [
        (400, "invalid", Refused, ExitCode.REFUSED),
        (401, "login_refused", LoginRefused, ExitCode.LOGIN_REFUSED),
        (401, "not_authenticated", LoginRefused, ExitCode.LOGIN_REFUSED),
        (403, "forbidden", Refused, ExitCode.REFUSED),
        (404, "not_found", UnknownUser, ExitCode.UNKNOWN_USER),
        (409, "username_taken", Refused, ExitCode.REFUSED),
        (409, "stock_full", Refused, ExitCode.REFUSED),
        (413, "too_large", Refused, ExitCode.REFUSED),
        (422, "statement_invalid", Refused, ExitCode.REFUSED),
        (429, "throttled", Refused, ExitCode.REFUSED),
        (429, "mailbox_full", Refused, ExitCode.REFUSED),
        (500, "", Refused, ExitCode.REFUSED),
        (502, "", ServerUnreachable, ExitCode.SERVER_UNREACHABLE),
        (503, "unavailable", ServerUnreachable, ExitCode.SERVER_UNREACHABLE),
    ],
)
async def test_refusal_becomes_its_error(
    status: int, code: str, error: type[AgentError], exit_code: ExitCode
) -> None:
    rest = a_rest(problem(status, code))

    with pytest.raises(error) as raised:
        await rest.call("POST", "/api/x/", {})

    assert raised.value.exit_code is exit_code
    assert str(raised.value).endswith((".", "`."))


async def test_retry_after_is_kept() -> None:
    with pytest.raises(ServerUnreachable) as raised:
        await a_rest(problem(503, "unavailable")).call("GET", "/")

    assert raised.value.retry_after_s == 7


@pytest.mark.parametrize(
    ("said", "kept_s"),
    [
        ("0", 0.0),
        ("3600", 3_600.0),
        ("86400", MAX_RETRY_AFTER_S),
        ("9" * 5_000, MAX_RETRY_AFTER_S),
        ("inf", None),
        ("nan", None),
        ("-1", None),
        ("1e9", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
    ],
)
async def test_pause_that_a_server_asks_for_is_bounded(said: str, kept_s: float | None) -> None:
    answer = httpx.Response(503, json={"code": "unavailable"}, headers={"Retry-After": said})

    with pytest.raises(ServerUnreachable) as raised:
        await a_rest(lambda request: answer).call("GET", "/")

    assert raised.value.retry_after_s == kept_s


class Endless(httpx.AsyncByteStream):
    """An answer that never ends; counts what was taken of it."""

    def __init__(self, piece: bytes) -> None:
        self.piece, self.taken = piece, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += len(self.piece)
            yield self.piece
            await let_others_run()


@pytest.mark.parametrize("status", [200, 500])
async def test_answer_without_end_is_not_read_to_its_end(status: int) -> None:
    endless = Endless(bytes(1_024 * 1_024))

    with pytest.raises(ServerUnreachable, match="too long"):
        await a_rest(lambda request: httpx.Response(status, stream=endless)).call("GET", "/")

    assert endless.taken <= MAX_ANSWER_BYTES + 2 * len(endless.piece)


async def test_answer_that_comes_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "ANSWER_DEADLINE_S", 0.05)
    dripping = a_rest(lambda request: httpx.Response(200, stream=Endless(b"")))

    with pytest.raises(ServerUnreachable):
        await asyncio.wait_for(dripping.call("GET", "/"), 5.0)


async def test_compressed_answer_is_neither_asked_for_nor_unfolded() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Accept-Encoding"])
        return httpx.Response(200, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})

    with pytest.raises(ServerUnreachable):
        await a_rest(answer).call("GET", "/")

    assert asked == ["identity"]


async def test_sentences_about_fields_are_passed_on() -> None:
    answer = problem(400, "invalid", fields={"username": ["Too short."]})

    with pytest.raises(Refused, match="username: Too short"):
        await a_rest(answer).call("POST", "/", {})


@pytest.mark.parametrize("name", ["password", "username", "\x1b]52;c;x\x07"])
async def test_sentences_about_fields_can_not_steer_the_terminal(name: str) -> None:
    said = "too short\n\x1b[2J\x9b2J\u202emesa-peer: bo is verified."
    answer = problem(400, "invalid", fields={name: [said]})

    with pytest.raises(Refused) as refused:
        await a_rest(answer).call("POST", "/api/x/", {})

    assert str(refused.value).isprintable()


async def test_nobody_there_is_unreachable() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("late")

    with pytest.raises(ServerUnreachable):
        await a_rest(fail).call("GET", "/")


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b'"x"', b"\xff", b"[" * 100_000])
async def test_another_kind_of_server_is_recognised(content: bytes) -> None:
    with pytest.raises(ServerUnreachable):
        await a_rest(lambda request: httpx.Response(200, content=content)).call("GET", "/")


async def test_token_near_its_end_is_renewed_first_and_kept() -> None:
    saved: list[Tokens] = []
    seen: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, request.headers.get("Authorization")))
        if request.url.path.endswith("refresh/"):
            return httpx.Response(200, json={"access": LATER, "refresh": "next"})
        return httpx.Response(200, json={})

    await a_rest(answer, access=a_token(30), saved=saved).call("GET", "/api/x/")

    assert seen == [("/api/accounts/refresh/", None), ("/api/x/", f"Bearer {LATER}")]
    assert saved == [Tokens(LATER, "next")]


async def test_token_the_server_does_not_take_is_renewed_once() -> None:
    fresh = a_token(3_600, "fresh")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("refresh/"):
            return httpx.Response(200, json={"access": fresh, "refresh": "next"})
        is_fresh = request.headers["Authorization"] == f"Bearer {fresh}"
        return httpx.Response(200 if is_fresh else 401, json={"code": "not_authenticated"})

    await a_rest(answer).call("GET", "/api/x/")


async def test_login_that_has_ended_is_said_with_the_way_out() -> None:
    with pytest.raises(LoginRefused, match="mesa-peer login"):
        await a_rest(problem(401, "not_authenticated")).call("GET", "/api/x/")


@pytest.mark.parametrize("token", ["\N{SNOWMAN}", "a b", "a\r\nX: y", ""])
async def test_tokens_that_can_not_be_sent_are_not_kept(token: str) -> None:
    """They would end this run and each later one."""
    saved: list[Tokens] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access": token, "refresh": "next"})

    with pytest.raises(ServerUnreachable):
        await a_rest(answer, access=a_token(30), saved=saved).call("GET", "/api/x/")

    assert saved == []


def in_a_token(claims: bytes) -> str:
    return f"a.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c"


@pytest.mark.parametrize(
    "token",
    [
        *("", "a.b.c", "a.e30.c", "one", a_token(3_600)[:-30]),
        in_a_token(b'{"exp": ' + b"9" * 400 + b"}"),
        in_a_token(b"[" * 100_000),
    ],
)
def test_token_that_can_not_be_read_counts_as_expired(token: str) -> None:
    assert Tokens(token, "refresh").expires_at() == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"username": 5, "statements": [], "devices": []},
        {"username": "bo", "statements": ["not base64url!"], "devices": []},
        {"username": "bo", "statements": [], "devices": ["x"]},
        {"username": "bo", "statements": [], "devices": [{"device": "x"}]},
    ],
)
async def test_answer_of_another_shape_is_no_crash(answer: dict[str, object]) -> None:
    api = Api(a_rest(lambda request: httpx.Response(200, json=answer)))

    with pytest.raises(ServerUnreachable):
        await api.keys.claim_bundle("bo", None)
