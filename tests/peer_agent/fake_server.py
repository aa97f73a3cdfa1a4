"""A server of dictionaries behind the HTTP edge: bundles, tokens and mailboxes as the REST page says."""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import LinkId
from peer_agent.account import Account
from peer_agent.api import Api
from peer_agent.assembly import Conversations, Surroundings, assemble
from peer_agent.clock import Clock
from peer_agent.crypto.prekeys import Prekey
from peer_agent.crypto.primitives import sha256
from peer_agent.direct_links import DirectLinks
from peer_agent.events import Event
from peer_agent.rest import Rest, Tokens
from peer_agent.store import Store
from peer_agent.tasks import Tasks

LATER = "a.eyJleHAiOjk5OTk5OTk5OTl9.c"
Json = dict[str, Any]


@dataclass
class User:
    """What the server holds of a user."""

    statements: list[str]
    device: str
    prekeys: dict[str, Any] = field(default_factory=lambda: {"one_time": [], "one_time_kem": []})
    mailbox: dict[str, str] = field(default_factory=dict)
    uploaded: set[int] = field(default_factory=set)


@dataclass
class FakeServer:
    """Answers requests; `problems` by route stand in for the answers, those to `lost` ones do not arrive."""

    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, Json]] = field(default_factory=list)
    down: bool = False
    asked: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    problems: dict[str, tuple[int, str]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    _held_up: dict[str, asyncio.Event] = field(default_factory=dict)

    def add(self, account: Account) -> None:
        statements = [b64_text(each) for each in account.statements]
        self.users[account.username] = User(statements, str(account.device_id))

    def transport(self, name: str) -> httpx.MockTransport:
        """The way of one user's device to this server."""

        async def answer(request: httpx.Request) -> httpx.Response:
            response = self._answer(name, request)
            over = self._held_up.pop(_route(request), None)
            if over is not None:
                await over.wait()
            return response

        return httpx.MockTransport(answer)

    def hold_up(self, route: str) -> asyncio.Event:
        """Let the next answer to a route wait for an event."""
        self._held_up[route] = asyncio.Event()
        return self._held_up[route]

    def bodies(self, route: str) -> list[Json]:
        """Bodies of the requests to a route, in order."""
        return [body for asked, body in self.requests if asked == route]

    def _answer(self, name: str, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("nobody there")
        body = json.loads(request.content or b"{}")
        route = _route(request)
        self.requests.append((route, body))
        self.asked.put_nowait(route)
        problem = self.problems.get(route)
        if problem is not None:
            return httpx.Response(problem[0], json={"code": problem[1], "status": problem[0]})
        handler = getattr(self, "_" + route.lower().replace(" ", "_"))
        status, answer = handler(self.users[name], name, body)
        if route in self.lost:
            raise httpx.ReadError("the answer is lost")
        return httpx.Response(status, json=answer) if answer is not None else httpx.Response(status)

    def _post_bundles(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        target = self.users.get(body["username"])
        if target is None:
            return 404, {"code": "not_found"}
        is_live = body["token"] and self.tokens.get(digest(body["token"])) == body["username"]
        is_named = body["fingerprint"] == digest(target.statements[0])
        if body["username"] in self.hidden and not (is_live or is_named):
            return 404, {"code": "not_found"}
        taken = {
            key: target.prekeys[key].pop(0) if is_live and target.prekeys[key] else None for key in ONE_TIME
        }
        device = {"device": target.device, **{key: target.prekeys.get(key) for key in LASTING}, **taken}
        return 200, {"username": body["username"], "statements": target.statements, "devices": [device]}

    def _get_prekeys(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        ids = {key: prekey_id(caller.prekeys.get(key)) for key in LASTING}
        return 200, {**ids, **{key: len(caller.prekeys[key]) for key in ONE_TIME}}

    def _put_prekeys(self, caller: User, name: str, body: Json) -> tuple[int, None]:
        for key in LASTING:
            caller.prekeys[key] = body[key] or caller.prekeys.get(key)
        for key in ONE_TIME:
            fresh = {prekey_id(each): each for each in body[key] if prekey_id(each) not in caller.uploaded}
            caller.prekeys[key] += fresh.values()
            caller.uploaded.update(number for number in fresh if number is not None)
        return 204, None

    def _post_transactions(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 202, {"id": body["id"]}

    def _post_direct(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 202, {"id": body["id"]}

    def _post_tokens(self, caller: User, name: str, body: Json) -> tuple[int, None]:
        self.tokens.update(dict.fromkeys(body["digests"], name))
        return 204, None

    def _delete_tokens(self, caller: User, name: str, body: Json) -> tuple[int, None]:
        for key in body["digests"]:
            self.tokens.pop(key, None)
        return 204, None

    def _post_mailbox(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        owner = body["username"] or self.tokens.get(digest(body["token"]))
        if owner is not None:
            self.users[owner].mailbox[str(uuid.uuid4())] = body["envelope"]
        return 202, {}

    def _get_mailbox(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"envelopes": [{"id": key, "envelope": each} for key, each in caller.mailbox.items()]}

    def _delete_mailbox(self, caller: User, name: str, body: Json) -> tuple[int, None]:
        for key in body["ids"]:
            caller.mailbox.pop(key, None)
        return 204, None


LASTING = ("signed_prekey", "last_resort")
ONE_TIME = ("one_time", "one_time_kem")


def _route(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path.rstrip('/').rsplit('/', 1)[-1]}"


def digest(token: str) -> str:
    return b64_text(sha256(b64_bytes(token)))


def prekey_id(packed: str | None) -> int | None:
    return None if packed is None else Prekey.unpack(b64_bytes(packed)).prekey_id


@dataclass
class Party:
    """A user's conversations on such a server, without a network."""

    account: Account
    store: Store
    server: FakeServer
    clock: Clock
    tasks: Tasks
    send_cell: Callable[[LinkId, bytes], bool] = lambda link, frame: False
    send_frame: Callable[[FrameToServer], None] = lambda frame: None
    listener: Callable[[Event], None] = lambda event: None
    events: list[Event] = field(default_factory=list)
    direct_links: DirectLinks | None = None

    def __post_init__(self) -> None:
        self.rest = Rest(
            self.account.server,
            tokens=Tokens(LATER, "refresh"),
            transport=self.server.transport(self.account.username),
        )
        self.assemble()

    def assemble(self) -> None:
        """Make the conversations, with the edges as they are now."""
        self.parts: Conversations = assemble(
            Surroundings(
                self.account,
                Api(self.rest),
                self.store,
                self.tasks,
                self.clock,
                self.send_cell,
                self.send_frame,
                self._report,
                self.direct_links,
            )
        )

    def _report(self, event: Event) -> None:
        self.events.append(event)
        self.listener(event)

    async def look(self) -> None:
        """Do what a peer does when it comes online."""
        await self.parts.prekeys.check()
        await self.parts.posts.deliver()
        await self.parts.mailbox.empty()
