"""What a server answers while something that it needs is down: requests of a user, each with a limit."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from p2p.protocol.fields import b64_text
from p2p.protocol.frames import to_text
from p2p.protocol.limits import SUBPROTOCOL
from p2p.protocol.to_server import Hello
from peer_agent.account import load_tokens
from peer_agent.config import Config
from peer_agent.desk import read_store
from tests.network.agents import Account

# Agents wait for an answer for 15 s: a server that is down must have said so.
ANSWERED_WITHIN_S: Final = 14.0


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, and how long it took."""

    path: str
    status: int
    headers: httpx.Headers
    body: dict[str, Any]
    took_s: float

    @property
    def is_refusal_in_order(self) -> bool:
        """Tell whether it says that the server can not serve, in the form that the page promises."""
        return (
            self.status == httpx.codes.SERVICE_UNAVAILABLE
            and self.headers["content-type"] == "application/problem+json"
            and self.body["code"] == "unavailable"
            and int(self.headers["retry-after"]) >= 1
        )


class Prober:
    """A user who asks for several things at the same time."""

    def __init__(self, server: str, access: str) -> None:
        self._client = httpx.Client(
            base_url=server,
            headers={"Authorization": f"Bearer {access}"},
            timeout=ANSWERED_WITHIN_S,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answered:
        began = time.monotonic()
        answer = self._client.request(method, path, json=body)
        return Answered(path, answer.status_code, answer.headers, answer.json(), time.monotonic() - began)

    def ask_all(self, times: int = 1) -> list[Answered]:
        """Ask what needs database and store, side by side."""
        wanted = [
            ("GET", "/api/accounts/me/", None),
            ("POST", "/api/p2p/transactions/", new_transaction()),
            ("GET", "/api/accounts/mailbox/", None),
        ] * times
        with ThreadPoolExecutor(len(wanted)) as pool:
            return list(pool.map(lambda each: self.ask(*each), wanted))

    def readiness(self) -> dict[str, bool] | None:
        """What the probe for operators says is missing; None: it is ready."""
        answer = self.ask("GET", "/readyz")
        return None if answer.status == httpx.codes.OK else answer.body["checks"]

    def end_of_socket(self) -> int:
        """Open a session socket and say hello; returns the code with which the server closes it."""
        address = str(self._client.base_url.join("/ws/agent/")).replace("http", "ws", 1)
        headers = {"Authorization": self._client.headers["Authorization"]}
        with (
            connect(
                address,
                additional_headers=headers,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                open_timeout=ANSWERED_WITHIN_S,
                proxy=None,
            ) as socket,
            suppress(ConnectionClosed),
        ):
            socket.send(to_text(Hello(None, None, ())))
            socket.recv(timeout=ANSWERED_WITHIN_S)
        assert socket.close_code is not None
        return socket.close_code


def new_transaction() -> dict[str, Any]:
    """One to nobody: it is begun like any other."""
    return {"id": str(uuid.uuid4()), "token": b64_text(token_bytes(32)), "tickets": []}


def prober_of(account: Account) -> Prober:
    """Ask with the login that an account's agent has."""
    with read_store(Config(Path(account.state))) as store:
        tokens = load_tokens(store)
    assert tokens is not None
    return Prober(account.server, tokens.access)
