"""Requests to the server: authenticated, refreshed when needed, and every refusal turned into a typed error.

Spec: docs/spec/rest.md
"""

import asyncio
import base64
import binascii
import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from peer_agent.clock import spoken
from peer_agent.errors import AgentError, LoginEnded, LoginRefused, Refused, ServerUnreachable, UnknownUser

Json = Mapping[str, Any]

CONNECT_DEADLINE_S = 5.0
SILENCE_DEADLINE_S = 15.0
# Of a whole answer: one that comes drop by drop is never silent for long.
ANSWER_DEADLINE_S = 60.0
# A server that names a longer pause is asked a little too early, and not forgotten.
MAX_RETRY_AFTER_S = 3_600.0
REFRESH_BEFORE_S = 120.0
MAX_ANSWER_BYTES = 16 * 1_024 * 1_024
MAX_SENTENCE_SIGNS = 500
REPLACED = "\N{REPLACEMENT CHARACTER}"

PLAIN = "identity"
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
LOGIN_ENDED = "The login has ended: run `mesa-peer login`."
NO_MESA_SERVER = "This address does not answer like a Mesa server."


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of a login."""

    access: str
    refresh: str

    def expires_at(self) -> float:
        """Unix time at which the access token ends; 0 if it does not say."""
        try:
            body = self.access.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            return float(claims["exp"])
        except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, binascii.Error):
            return 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that has come as a whole."""

    status: int
    retry_after_s: float | None
    content: bytes

    @property
    def is_success(self) -> bool:
        return httpx.codes.is_success(self.status)


class Rest:
    """One server and at most one login."""

    def __init__(
        self,
        server: str,
        *,
        tokens: Tokens | None = None,
        save: Callable[[Tokens], None] = lambda _: None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take the edges: where new tokens are kept, and what carries requests if not the network."""
        self._server = server
        self._client = httpx.AsyncClient(
            base_url=server,
            transport=transport,
            timeout=httpx.Timeout(SILENCE_DEADLINE_S, connect=CONNECT_DEADLINE_S),
            headers={"Accept": "application/json", "Accept-Encoding": PLAIN},
            # Whom this machine trusts, as the session socket does, and not a list of the package's own.
            verify=ssl.create_default_context(),
            trust_env=False,
        )
        self._tokens = tokens
        self._save = save
        self._refreshing = asyncio.Lock()

    async def aclose(self) -> None:
        await self._client.aclose()

    def use(self, tokens: Tokens) -> None:
        """Take the tokens of a fresh login, and keep them."""
        # Kept before they are used: the server takes the tokens of before until then, and not after.
        self._save(tokens)
        self._tokens = tokens

    async def access_token(self) -> str:
        """An access token that is good for a while yet.

        Raises:
            LoginRefused: there is no login, or it has ended.
            ServerUnreachable, Refused, UnknownUser: the server gives no new one now; it may later.
        """
        if self._tokens is None:
            raise LoginRefused("There is no login: run `mesa-peer login`.")
        if self._tokens.expires_at() - time.time() < REFRESH_BEFORE_S:
            await self.refresh(self._tokens)
        return self._tokens.access

    async def renew(self) -> None:
        """Get new tokens, because the server did not take the access token.

        Raises:
            LoginRefused: the login has ended.
            ServerUnreachable, Refused, UnknownUser: the server gives none now; it may later.
        """
        if self._tokens is None:
            raise LoginRefused(LOGIN_ENDED)
        await self.refresh(self._tokens)

    async def refresh(self, used: Tokens) -> None:
        """Trade the refresh token for new ones, unless somebody did so since `used` was read.

        Raises:
            LoginRefused: the login has ended.
            ServerUnreachable, Refused, UnknownUser: the server gives none now; it may later.
        """
        async with self._refreshing:
            if self._tokens is not used:
                return
            body = await self.call("POST", "/api/accounts/refresh/", {"refresh": used.refresh}, login=False)
            self.use(read_tokens(body))

    async def call(self, method: str, path: str, body: Json | None = None, *, login: bool = True) -> Json:
        """Send a request and read its JSON answer, an empty object for an answer without a body.

        Raises:
            LoginRefused, UnknownUser, Refused: the server's word, by its problem document.
            ServerUnreachable: no answer, or the server can not serve.
        """
        answer = await self._send(method, path, body, login=login)
        if answer.status == httpx.codes.UNAUTHORIZED and login and self._tokens is not None:
            await self.refresh(self._tokens)
            answer = await self._send(method, path, body, login=login)
        return _read(answer)

    async def _send(self, method: str, path: str, body: Json | None, *, login: bool) -> _Answer:
        headers = {"Authorization": f"Bearer {await self.access_token()}"} if login else {}
        try:
            async with (
                asyncio.timeout(ANSWER_DEADLINE_S),
                self._client.stream(method, path, json=body, headers=headers) as response,
            ):
                content = await _bounded(response)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ServerUnreachable(f"{self._server} does not answer.") from error
        return _Answer(response.status_code, _retry_after_s(response), content)


async def _bounded(response: httpx.Response) -> bytes:
    """Read an answer; what is too long is not read to its end."""
    if response.headers.get("Content-Encoding", PLAIN) != PLAIN:
        # Nobody asked for it, and a few bytes can unfold to any number.
        raise ServerUnreachable(NO_MESA_SERVER)
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            raise ServerUnreachable("The server's answer is too long.")
    return bytes(content)


def _read(answer: _Answer) -> Json:
    if answer.is_success and not answer.content:
        return {}
    body = _json_object(answer)
    if answer.is_success:
        return body
    raise _problem(answer, body)


def _json_object(answer: _Answer) -> Json:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    if answer.is_success:
        raise ServerUnreachable(NO_MESA_SERVER)
    return {}


def _problem(answer: _Answer, body: Json) -> AgentError:
    status, code = answer.status, str(body.get("code", "refused"))
    retry_after_s = answer.retry_after_s
    if status in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT):
        return ServerUnreachable("The server can not serve at the moment.", retry_after_s=retry_after_s)
    if code == "login_refused":
        return LoginEnded("The server refused this name, password or device.")
    if code in _LOGIN_SENTENCES:
        return LoginRefused(_LOGIN_SENTENCES[code])
    if status == httpx.codes.UNAUTHORIZED:
        return LoginEnded(LOGIN_ENDED)
    if code == "not_found":
        return UnknownUser("There is no such user.")
    sentence = _SENTENCES.get(code, f"The server refused the request ({status} {_word(code)}).")
    if code == "throttled" and retry_after_s is not None:
        sentence = f"Too many requests: try again in {spoken(retry_after_s)}."
    if code == "invalid" and isinstance(body.get("fields"), dict):
        sentence = _fields_sentence(body["fields"])
    return Refused(sentence, code=code, retry_after_s=retry_after_s)


_LOGIN_SENTENCES = {
    "recovery_refused": "The server refused this name or recovery code.",
    "wrong_password": "The password is wrong.",
    "banned": "The operator of this server has banned this account: ask them why.",
}
_SENTENCES = {
    "username_taken": "That user name is taken.",
    "registration_closed": "This server takes no new accounts.",
    "invitation_refused": (
        "This server takes new accounts by invitation only. No code was given, or one that is wrong, used or "
        "expired: ask the operator for one, then `mesa-peer register USER --invitation CODE`."
    ),
    "throttled": "Too many requests: wait a while.",
    "too_large": "The request is too large for the server.",
    "mailbox_full": "The mailbox of that user is full: try again later.",
    "stock_full": "The server holds as many keys or tokens of this device as it takes.",
    "statement_invalid": "The server could not verify a signature of this device, or its clock is days off.",
    "method_not_allowed": "The server does not know this request: it may be older than this agent.",
    "statement_behind": "The identity has changed meanwhile: try again.",
}


def _word(code: str) -> str:
    return code if code.isascii() and code.replace("_", "").isalnum() else "unknown"


def _fields_sentence(fields: Json) -> str:
    told = {name: " ".join(map(str, texts)) for name, texts in fields.items() if isinstance(texts, list)}
    said = {_printable(name): _printable(sentences) for name, sentences in told.items()}
    if said.keys() == {"password"}:
        return said["password"].replace("This password", "The password")[:MAX_SENTENCE_SIGNS]
    parts = " ".join(f"{name}: {sentences}" for name, sentences in said.items())
    return f"The server refused the request. {parts}"[:MAX_SENTENCE_SIGNS]


def _printable(text: str) -> str:
    """A text of the server's in one line, without signs that steer a terminal."""
    return "".join(sign if sign.isprintable() else REPLACED for sign in text)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Whole seconds, as the server writes them; any other form, such as a date or `inf`, counts as none."""
    said = response.headers.get("Retry-After", "")
    # More digits than nine say no more than the cap, and may be too many for a number.
    return float(min(int(said[:9]), MAX_RETRY_AFTER_S)) if said.isascii() and said.isdigit() else None


def read_tokens(body: Json) -> Tokens:
    """Read the tokens out of an answer. They are kept and sent in headers, where not every text can stand.

    Raises:
        ServerUnreachable: the server does not speak this version of the API.
    """
    tokens = Tokens(text(body, "access"), text(body, "refresh"))
    if not all(TOKEN.fullmatch(each) for each in (tokens.access, tokens.refresh)):
        raise ServerUnreachable(NO_MESA_SERVER)
    return tokens


def text(body: Json, key: str) -> str:
    """Read a text out of an answer.

    Raises:
        ServerUnreachable: the server does not speak this version of the API.
    """
    value = body.get(key)
    if not isinstance(value, str):
        raise ServerUnreachable("The server answers in a way this version does not know.")
    return value


def items(body: Json, key: str) -> list[Any]:
    """Read a list out of an answer.

    Raises:
        ServerUnreachable: the server does not speak this version of the API.
    """
    value = body.get(key)
    if not isinstance(value, list):
        raise ServerUnreachable("The server answers in a way this version does not know.")
    return value
