"""The session socket against a scripted server: greeting, resuming, coming back, and giving up for good."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers

from p2p.protocol.fields import b64_text
from p2p.protocol.frames import FrameToPeer, to_text
from p2p.protocol.ids import LinkId, TransactionId
from p2p.protocol.parts import LIMITS
from p2p.protocol.to_peer import Mailbox, Welcome
from p2p.protocol.to_server import Complete, LinkUp
from peer_agent import session as session_module
from peer_agent.errors import AgentError, LoginRefused, Refused, StateInUse
from peer_agent.events import Event, SessionClosed
from peer_agent.rest import Rest, Tokens
from peer_agent.session import PACE_BURST, PACE_PER_S, Greeting, Pace, Session, SessionEdges
from peer_agent.tasks import Tasks
from tests.peer_agent.fake_server import LATER

LIMIT_S = 10.0
EPOCH, OTHER_EPOCH = b"e" * 16, b"f" * 16
LINK = LinkId(b"l" * 16)
Script = Callable[["Far"], Awaitable[None]]


@dataclass
class Far:
    """The server's end of one socket."""

    socket: ServerConnection

    async def hears(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self.socket.recv(), LIMIT_S)
        return dict(json.loads(message))

    async def says(self, frame: FrameToPeer) -> None:
        await self.socket.send(to_text(frame))

    async def welcomes(
        self, *, epoch: bytes = EPOCH, resumed: bool = False, resume: bytes = b"r" * 32
    ) -> None:
        await self.says(Welcome(("mesa.1",), (), LIMITS, epoch, resume, resumed))


@dataclass
class Near:
    """Our end, with what it told."""

    session: Session
    greetings: "asyncio.Queue[Greeting]" = field(default_factory=asyncio.Queue)
    frames: "asyncio.Queue[FrameToPeer]" = field(default_factory=asyncio.Queue)
    events: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue)
    refreshed: list[bool] = field(default_factory=list)


@dataclass
class Line:
    """A server that runs one script per socket, and an agent that connects to it."""

    tasks: Tasks
    server: Server
    scripts: "asyncio.Queue[Script]"
    may_refresh: bool = True
    access: str = LATER
    refusals: list[httpx.Response] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)

    def near(self) -> Near:
        near = Near.__new__(Near)
        port = next(iter(self.server.sockets)).getsockname()[1]

        def refresh(request: httpx.Request) -> httpx.Response:
            if self.refusals:
                return self.refusals.pop()
            near.refreshed.append(self.may_refresh)
            body = {"access": LATER, "refresh": "next"} if self.may_refresh else {"code": "not_authenticated"}
            return httpx.Response(200 if self.may_refresh else 401, json=body)

        rest = Rest(
            "http://127.0.0.1", tokens=Tokens(self.access, "refresh"), transport=httpx.MockTransport(refresh)
        )
        edges = SessionEdges(
            lambda: (LINK,),
            lambda greeting: near.greetings.put_nowait(greeting),
            lambda frame: near.frames.put_nowait(frame),
            lambda event: near.events.put_nowait(event),
        )
        near.__init__(Session(f"ws://127.0.0.1:{port}/", rest, edges))  # type: ignore[misc]  # edges need it
        return near


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(session_module, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(session_module, "EPOCH_JITTER_S", 0.05)
    scripts: asyncio.Queue[Script] = asyncio.Queue()
    headers: list[Headers] = []

    async def answer(socket: ServerConnection) -> None:
        assert socket.request is not None
        headers.append(socket.request.headers)
        script = await scripts.get()
        await script(Far(socket))

    async with serve(answer, "127.0.0.1", 0, subprotocols=["mesa.1"]) as server, Tasks() as tasks:  # type: ignore[list-item]  # a NewType of str
        yield Line(tasks, server, scripts, headers=headers)


async def hold(far: Far) -> None:
    """Stay until the agent goes."""
    await far.socket.wait_closed()


async def greet_and_hold(far: Far) -> None:
    await far.hears()
    await far.welcomes()
    await hold(far)


async def test_first_frame_is_hello_and_the_token_is_in_the_header(line: Line) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def script(far: Far) -> None:
        heard.put_nowait(await far.hears())
        await hold(far)

    line.scripts.put_nowait(script)
    line.tasks.spawn(line.near().session.run())

    hello = await asyncio.wait_for(heard.get(), LIMIT_S)
    said = {"type": "hello", "resume": None, "epoch": None, "links": [b64_text(LINK)]}
    assert hello == said | {"pad": hello["pad"]}
    assert [each["Authorization"] for each in line.headers] == [f"Bearer {LATER}"]


async def test_no_compression_is_offered(line: Line) -> None:
    """Zeros would shrink to nothing, and the size of a frame would tell again what is in it."""
    line.scripts.put_nowait(greet_and_hold)
    near = line.near()
    line.tasks.spawn(near.session.run())
    await asyncio.wait_for(near.greetings.get(), LIMIT_S)

    assert [each.get("Sec-WebSocket-Extensions") for each in line.headers] == [None]


async def test_frames_from_the_server_are_handed_on(line: Line) -> None:
    async def script(far: Far) -> None:
        await far.hears()
        await far.welcomes()
        await far.says(Mailbox())
        await hold(far)

    line.scripts.put_nowait(script)
    near = line.near()
    line.tasks.spawn(near.session.run())

    assert isinstance(await asyncio.wait_for(near.frames.get(), LIMIT_S), Mailbox)


async def test_second_socket_resumes_with_the_token_and_the_epoch(line: Line) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def first(far: Far) -> None:
        await far.hears()
        await far.welcomes(resume=b"s" * 32)
        await far.socket.close(1011)

    async def second(far: Far) -> None:
        heard.put_nowait(await far.hears())
        await far.welcomes(resumed=True)
        await hold(far)

    line.scripts.put_nowait(first)
    line.scripts.put_nowait(second)
    near = line.near()
    line.tasks.spawn(near.session.run())

    hello = await asyncio.wait_for(heard.get(), LIMIT_S)
    assert (hello["resume"], hello["epoch"]) == (b64_text(b"s" * 32), b64_text(EPOCH))
    greetings = [await asyncio.wait_for(near.greetings.get(), LIMIT_S) for _ in range(2)]
    assert [each.is_forgotten for each in greetings] == [True, False]


@pytest.mark.parametrize(
    ("epoch", "resumed", "is_forgotten", "is_new_store"),
    [(EPOCH, True, False, False), (EPOCH, False, True, False), (OTHER_EPOCH, False, False, True)],
)
async def test_second_greeting_says_what_was_forgotten(
    line: Line, epoch: bytes, resumed: bool, is_forgotten: bool, is_new_store: bool
) -> None:
    async def first(far: Far) -> None:
        await far.hears()
        await far.welcomes()
        await far.socket.close(1001)

    async def second(far: Far) -> None:
        await far.hears()
        await far.welcomes(epoch=epoch, resumed=resumed)
        await hold(far)

    line.scripts.put_nowait(first)
    line.scripts.put_nowait(second)
    near = line.near()
    line.tasks.spawn(near.session.run())
    await asyncio.wait_for(near.greetings.get(), LIMIT_S)

    greeting = await asyncio.wait_for(near.greetings.get(), LIMIT_S)

    assert (greeting.is_forgotten, greeting.is_new_store) == (is_forgotten, is_new_store)


async def test_store_that_lost_its_memory_is_greeted_again_on_the_same_socket(line: Line) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def script(far: Far) -> None:
        await far.hears()
        await far.welcomes()
        await far.welcomes(epoch=OTHER_EPOCH)
        heard.put_nowait(await far.hears())
        await far.welcomes(epoch=OTHER_EPOCH)
        await hold(far)

    line.scripts.put_nowait(script)
    near = line.near()
    line.tasks.spawn(near.session.run())

    hello = await asyncio.wait_for(heard.get(), LIMIT_S)
    assert (hello["type"], hello["epoch"]) == ("hello", b64_text(OTHER_EPOCH))
    greetings = [await asyncio.wait_for(near.greetings.get(), LIMIT_S) for _ in range(2)]
    assert [(each.is_forgotten, each.is_new_store) for each in greetings] == [(True, False), (False, True)]


async def test_frames_wait_for_the_welcome(line: Line) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def script(far: Far) -> None:
        await far.hears()
        await far.welcomes()
        heard.put_nowait(await far.hears())
        await hold(far)

    near = line.near()
    line.scripts.put_nowait(script)
    line.tasks.spawn(near.session.run())
    await asyncio.wait_for(near.greetings.get(), LIMIT_S)
    near.session.send(LinkUp(LINK))

    assert await asyncio.wait_for(heard.get(), LIMIT_S) == {"type": "link_up", "link": b64_text(LINK)}
    await near.session.flush(1.0)


@pytest.mark.parametrize(
    ("code", "error"), [(4409, StateInUse), (4426, Refused), (4403, Refused)], ids=["4409", "4426", "4403"]
)
async def test_some_closes_are_for_good(line: Line, code: int, error: type[AgentError]) -> None:
    async def script(far: Far) -> None:
        await far.hears()
        await far.socket.close(code)

    line.scripts.put_nowait(script)

    with pytest.raises(error):
        await asyncio.wait_for(line.near().session.run(), LIMIT_S)


async def test_ended_login_is_for_good_when_it_can_not_be_renewed(line: Line) -> None:
    async def script(far: Far) -> None:
        await far.hears()
        await far.socket.close(4401)

    line.may_refresh = False
    line.scripts.put_nowait(script)

    with pytest.raises(LoginRefused):
        await asyncio.wait_for(line.near().session.run(), LIMIT_S)


async def test_expired_access_is_renewed_and_the_socket_comes_back(line: Line) -> None:
    async def first(far: Far) -> None:
        await far.hears()
        await far.socket.close(4401)

    line.scripts.put_nowait(first)
    line.scripts.put_nowait(greet_and_hold)
    near = line.near()
    line.tasks.spawn(near.session.run())

    await asyncio.wait_for(near.greetings.get(), LIMIT_S)
    assert near.refreshed == [True]


REFUSALS = [(404, "not_found"), (429, "throttled"), (500, "internal"), (503, "unavailable")]


def refusal(status: int, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json={"code": code}, headers=headers)


@pytest.mark.parametrize(("status", "code"), REFUSALS)
async def test_tokens_that_are_not_given_now_are_asked_for_again(line: Line, status: int, code: str) -> None:
    line.refusals.append(refusal(status, code))
    line.access = "expired"
    line.scripts.put_nowait(greet_and_hold)
    near = line.near()
    line.tasks.spawn(near.session.run())

    await asyncio.wait_for(near.greetings.get(), LIMIT_S)

    closed = near.events.get_nowait()
    assert isinstance(closed, SessionClosed)
    assert (closed.cause, near.refreshed) == ("unreachable", [True])


@pytest.mark.parametrize(("status", "code"), REFUSALS)
async def test_renewal_that_is_refused_now_ends_nothing(line: Line, status: int, code: str) -> None:
    async def first(far: Far) -> None:
        await far.hears()
        await far.socket.close(4401)

    line.refusals.append(refusal(status, code))
    line.scripts.put_nowait(first)
    line.scripts.put_nowait(greet_and_hold)
    near = line.near()
    line.tasks.spawn(near.session.run())

    await asyncio.wait_for(near.greetings.get(), LIMIT_S)

    closed = near.events.get_nowait()
    assert isinstance(closed, SessionClosed)
    assert closed.cause == "unreachable"


async def test_server_that_wants_to_be_left_alone_is(line: Line) -> None:
    line.refusals.append(refusal(429, "throttled", {"Retry-After": "7"}))
    line.access = "expired"
    near = line.near()
    line.tasks.spawn(near.session.run())

    closed = await asyncio.wait_for(near.events.get(), LIMIT_S)

    assert isinstance(closed, SessionClosed)
    assert closed.retry_s >= 7.0


@pytest.mark.parametrize("text", ["", "{}", '{"type":"mailbox","x":1}', '{"type":"hello"}', "[" * 70_000])
async def test_server_that_breaks_the_protocol_is_left_and_tried_again(line: Line, text: str) -> None:
    async def first(far: Far) -> None:
        await far.hears()
        await far.socket.send(text)
        await hold(far)

    line.scripts.put_nowait(first)
    line.scripts.put_nowait(greet_and_hold)
    near = line.near()
    line.tasks.spawn(near.session.run())

    await asyncio.wait_for(near.greetings.get(), LIMIT_S)
    assert isinstance(near.events.get_nowait(), SessionClosed)


async def test_nobody_listening_is_tried_again_for_ever(line: Line) -> None:
    near = line.near()
    line.server.close()
    await line.server.wait_closed()
    line.tasks.spawn(near.session.run())

    events = [await asyncio.wait_for(near.events.get(), LIMIT_S) for _ in range(3)]

    assert {event.cause for event in events if isinstance(event, SessionClosed)} == {"unreachable"}


def test_pace_stays_below_the_servers_rate() -> None:
    pace, now, sent = Pace(per_s=PACE_PER_S, burst=PACE_BURST, now=0.0), 0.0, []
    for _ in range(1_000):
        now += pace.wait_s(now=now)
        sent.append(now)

    for start in range(0, len(sent), 50):
        within = [at for at in sent if sent[start] <= at < sent[start] + 1]
        assert len(within) <= PACE_PER_S + PACE_BURST + 1
    assert sent[-1] == pytest.approx((1_000 - PACE_BURST) / PACE_PER_S, rel=0.02)


def test_queue_of_frames_is_bounded(line: Line) -> None:
    near = line.near()
    for number in range(session_module.QUEUED_FRAMES + 10):
        near.session.send(Complete(TransactionId(uuid.UUID(int=number))))

    assert len(near.session._waiting) == session_module.QUEUED_FRAMES
