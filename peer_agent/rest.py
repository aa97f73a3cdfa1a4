"""Requests to the server: authenticated, refreshed when needed, and every refusal turned into a typed error.

Spec: docs/spec/rest.md
"""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from peer_agent.errors import LoginRefused, Refused, ServerUnreachable, UnknownUser

Json = Mapping[str, Any]

CONNECT_DEADLINE_S = 5.0
ANSWER_DEADLINE_S = 15.0
REFRESH_BEFORE_S = 120.0
MAX_ANSWER_BYTES = 16 * 1_024 * 1_024

LOGIN_ENDED = "The login has ended: run `mesa-peer login`."
UNREACHABLE = "The server does not answer."


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
        except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
            return 0.0


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
        self._client = httpx.AsyncClient(
            base_url=server,
            transport=transport,
            timeout=httpx.Timeout(ANSWER_DEADLINE_S, connect=CONNECT_DEADLINE_S),
            headers={"Accept": "application/json"},
            trust_env=False,
        )
        self._tokens = tokens
        self._save = save
        self._refreshing = asyncio.Lock()

    async def aclose(self) -> None:
        await self._client.aclose()

    def use(self, tokens: Tokens) -> None:
        """Take the tokens of a fresh login, and keep them."""
        self._tokens = tokens
        self._save(tokens)

    async def access_token(self) -> str:
        """An access token that is good for a while yet.

        Raises:
            LoginRefused: there is no login, or it has ended.
            ServerUnreachable
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
            ServerUnreachable
        """
        if self._tokens is None:
            raise LoginRefused(LOGIN_ENDED)
        await self.refresh(self._tokens)

    async def refresh(self, used: Tokens) -> None:
        """Trade the refresh token for new ones, unless somebody did so since `used` was read.

        Raises:
            LoginRefused: the login has ended.
            ServerUnreachable
        """
        async with self._refreshing:
            if self._tokens is not used:
                return
            body = await self.call("POST", "/api/accounts/refresh/", {"refresh": used.refresh}, login=False)
            self.use(Tokens(text(body, "access"), text(body, "refresh")))

    async def call(self, method: str, path: str, body: Json | None = None, *, login: bool = True) -> Json:
        """Send a request and read its JSON answer, an empty object for an answer without a body.

        Raises:
            LoginRefused, UnknownUser, Refused: the server's word, by its problem document.
            ServerUnreachable: no answer, or the server can not serve.
        """
        response = await self._send(method, path, body, login=login)
        if response.status_code == httpx.codes.UNAUTHORIZED and login and self._tokens is not None:
            await self.refresh(self._tokens)
            response = await self._send(method, path, body, login=login)
        return _read(response)

    async def _send(self, method: str, path: str, body: Json | None, *, login: bool) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self.access_token()}"} if login else {}
        try:
            return await self._client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ServerUnreachable(UNREACHABLE) from error


def _read(response: httpx.Response) -> Json:
    if response.is_success and not response.content:
        return {}
    body = _json_object(response)
    if response.is_success:
        return body
    raise _problem(response, body)


def _json_object(response: httpx.Response) -> Json:
    if len(response.content) > MAX_ANSWER_BYTES:
        raise ServerUnreachable("The server's answer is too long.")
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if response.is_success:
        raise ServerUnreachable("This address does not answer like a Mesa server.")
    return {}


def _problem(response: httpx.Response, body: Json) -> Exception:
    status, code = response.status_code, str(body.get("code", "refused"))
    retry_after_s = _retry_after_s(response)
    if status in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT):
        return ServerUnreachable("The server can not serve at the moment.", retry_after_s=retry_after_s)
    if code == "login_refused":
        return LoginRefused("The server refused this name, password or device.")
    if status == httpx.codes.UNAUTHORIZED:
        return LoginRefused(LOGIN_ENDED)
    if code == "not_found":
        return UnknownUser("There is no such user.")
    sentence = _SENTENCES.get(code, f"The server refused the request ({status} {_word(code)}).")
    if code == "invalid" and isinstance(body.get("fields"), dict):
        sentence = _fields_sentence(body["fields"])
    return Refused(sentence, code=code, retry_after_s=retry_after_s)


_SENTENCES = {
    "username_taken": "That user name is taken.",
    "throttled": "Too many requests: wait a while.",
    "too_large": "The request is too large for the server.",
    "mailbox_full": "The mailbox of that user is full: try again later.",
    "stock_full": "The server holds as many keys or tokens of this device as it takes.",
    "statement_invalid": "The server could not verify a signature of this device.",
}


def _word(code: str) -> str:
    return code if code.isascii() and code.replace("_", "").isalnum() else "unknown"


def _fields_sentence(fields: Json) -> str:
    parts = [
        f"{name}: {' '.join(map(str, texts))}" for name, texts in fields.items() if isinstance(texts, list)
    ]
    return "The server refused the request. " + " ".join(parts)[:500]


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None


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
