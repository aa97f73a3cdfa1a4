"""The session socket: opens, greets, resumes, keeps its rate, and comes back after a close that allows it.

Spec: docs/spec/signaling.md
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from p2p.protocol.errors import (
    BadFrame,
    OriginRefused,
    ProtocolError,
    Replaced,
    SessionEnded,
    VersionUnsupported,
)
from p2p.protocol.frames import FrameToPeer, FrameToServer, parse_to_peer, to_text
from p2p.protocol.ids import LinkId
from p2p.protocol.limits import FRAME_BYTES, FRAMES_BURST, FRAMES_PER_S, RESUME_S, SUBPROTOCOL
from p2p.protocol.to_peer import Welcome
from p2p.protocol.to_server import Hello
from peer_agent.errors import AgentError, LoginRefused, Refused, StateInUse
from peer_agent.events import Event, SessionClosed, SessionOpened
from peer_agent.rest import Rest
from peer_agent.versions import why_refused

logger = logging.getLogger(__name__)

OPEN_DEADLINE_S = 10.0
WELCOME_DEADLINE_S = 10.0
CLOSE_DEADLINE_S = 2.0
PING_EVERY_S = 20.0
PING_DEADLINE_S = 20.0
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 30.0
STABLE_S = 30.0
QUEUED_FRAMES = 1_024
# Below the server's limits, so that clocks that differ a little do no harm.
PACE_PER_S = 0.8 * FRAMES_PER_S
PACE_BURST = 0.5 * FRAMES_BURST

EPOCH_JITTER_S = 2.0

UNAUTHORIZED = (401, 403)
CLOSE_ENDS: dict[int, AgentError] = {
    OriginRefused.close_code: Refused("The server refused the origin of this agent."),
    Replaced.close_code: StateInUse("Another agent took over this device."),
}


@dataclass(frozen=True, slots=True)
class Greeting:
    """A welcome, and what it says by what changed.

    is_forgotten: the server and all neighbours have forgotten this peer and its links.
    is_new_store: the server has forgotten everything it did not write to its database.
    """

    welcome: Welcome
    is_forgotten: bool
    is_new_store: bool


@dataclass(frozen=True, slots=True)
class SessionEdges:
    """What the session asks and tells."""

    open_links: Callable[[], tuple[LinkId, ...]]
    welcomed: Callable[[Greeting], None]
    received: Callable[[FrameToPeer], None]
    report: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class End:
    """How a socket ended: the cause in a word, and how long the server wants to be left alone."""

    cause: str
    retry_after_s: float = 0.0


class Pace:
    """A bucket of frames that refills steadily. Pure: time in seconds is passed in."""

    def __init__(self, *, per_s: float, burst: float, now: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at = burst, now

    def wait_s(self, *, now: float) -> float:
        """Take one frame; returns how long to wait before it may go."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        self._left -= 1
        return max(0.0, -self._left / self._per_s)


class Session:
    """One peer session over as many sockets as it takes."""

    def __init__(self, url: str, rest: Rest, edges: SessionEdges) -> None:
        self._url = url
        self._rest = rest
        self._edges = edges
        self._waiting: deque[FrameToServer] = deque(maxlen=QUEUED_FRAMES)
        self._has_waiting = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        self._greeting_due = asyncio.Event()
        self._has_greeted = self._is_new_store = False
        self._resume: bytes | None = None
        self._epoch: bytes | None = None
        self._closed_at: float | None = None
        self._retry_s = FIRST_RETRY_S
        self.is_open = False

    def send(self, frame: FrameToServer) -> None:
        """Send a frame now, or after the next welcome; the oldest go when too many wait."""
        self._waiting.append(frame)
        self._has_waiting.set()
        self._all_sent.clear()

    async def flush(self, within_s: float) -> None:
        """Wait until the waiting frames are out, if there is a socket to take them."""
        if not self.is_open:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._all_sent.wait()
        except TimeoutError:
            logger.info("some frames did not go out in time")

    async def run(self) -> None:
        """Keep a socket open until cancelled.

        Raises:
            LoginRefused: the login has ended.
            StateInUse: another agent took over this device.
            Refused: no common version.
        """
        while True:
            started = _now()
            end = await self._one_socket()
            if _now() - started > STABLE_S:
                self._retry_s = FIRST_RETRY_S
            pause_s = end.retry_after_s + random.uniform(0, self._retry_s)  # noqa: S311  jitter keeps no secret
            self._edges.report(SessionClosed(end.cause, round(pause_s, 3)))
            await asyncio.sleep(pause_s)
            self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)

    async def _one_socket(self) -> End:
        """Open a socket and serve it to its end."""
        try:
            # Outside the deadline: a refresh that is cut off may have used its token up.
            token = await self._rest.access_token()
            async with asyncio.timeout(OPEN_DEADLINE_S):
                socket = await self._open(token)
        except InvalidStatus as error:
            is_token = error.response.status_code in UNAUTHORIZED
            return await self._renewed("refused") if is_token else End("refused")
        except LoginRefused:
            raise
        except AgentError as error:
            return _unreachable(error)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI):
            return End("unreachable")
        try:
            await self._serve(socket)
        except ConnectionClosed as error:
            return await self._ended(error)
        except (ProtocolError, TimeoutError) as error:
            logger.warning("the server broke the protocol: %s", type(error).__name__)
            return End("protocol")
        finally:
            self.is_open = False
            self._closed_at = _now()
            await _close(socket)

    async def _open(self, token: str) -> ClientConnection:
        return await connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {token}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            max_size=FRAME_BYTES,
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_DEADLINE_S,
            open_timeout=OPEN_DEADLINE_S,
            close_timeout=CLOSE_DEADLINE_S,
            compression=None,
            proxy=None,
        )

    async def _serve(self, socket: ClientConnection) -> NoReturn:
        if self._closed_at is not None and _now() - self._closed_at > RESUME_S:
            self._resume = None
        await socket.send(to_text(self._hello()))
        async with asyncio.timeout(WELCOME_DEADLINE_S):
            frame = await _receive(socket)
        if not isinstance(frame, Welcome):
            raise BadFrame("the first frame is no welcome")
        if not frame.resumed:
            self._waiting.clear()
        self._note_epoch(frame)
        self._welcome(frame, is_forgotten=not frame.resumed and not self._is_new_store)
        self.is_open = True
        await _until_one_fails(self._read(socket), self._write(socket), self._greet_again())

    async def _read(self, socket: ClientConnection) -> NoReturn:
        while True:
            frame = await _receive(socket)
            if not isinstance(frame, Welcome):
                self._edges.received(frame)
            elif self._has_greeted:
                self._welcome(frame, is_forgotten=False)
            else:
                # The store lost its memory: tell it again who is here, but not all peers at once.
                self._note_epoch(frame)
                self._resume = frame.resume
                self._greeting_due.set()

    async def _write(self, socket: ClientConnection) -> NoReturn:
        pace = Pace(per_s=PACE_PER_S, burst=PACE_BURST, now=_now())
        while True:
            await self._has_waiting.wait()
            while self._waiting:
                await asyncio.sleep(pace.wait_s(now=_now()))
                await socket.send(to_text(self._waiting.popleft()))
            self._has_waiting.clear()
            self._all_sent.set()

    async def _greet_again(self) -> NoReturn:
        while True:
            await self._greeting_due.wait()
            await asyncio.sleep(random.uniform(0, EPOCH_JITTER_S))  # noqa: S311  jitter keeps no secret
            self._greeting_due.clear()
            self._has_greeted = True
            self.send(self._hello())

    def _hello(self) -> Hello:
        return Hello(self._resume, self._epoch, self._edges.open_links())

    def _note_epoch(self, welcome: Welcome) -> None:
        self._is_new_store = self._is_new_store or self._epoch not in (None, welcome.epoch)
        self._epoch = welcome.epoch

    def _welcome(self, welcome: Welcome, *, is_forgotten: bool) -> None:
        greeting = Greeting(welcome, is_forgotten, self._is_new_store)
        self._resume, self._has_greeted, self._is_new_store = welcome.resume, False, False
        self._edges.report(SessionOpened(welcome.resumed))
        self._edges.welcomed(greeting)

    async def _ended(self, error: ConnectionClosed) -> End:
        code = 1006 if error.rcvd is None else error.rcvd.code
        if code == VersionUnsupported.close_code:
            raise await why_refused(self._rest)
        if code in CLOSE_ENDS:
            raise CLOSE_ENDS[code]
        return await self._renewed(str(code)) if code == SessionEnded.close_code else End(str(code))

    async def _renewed(self, cause: str) -> End:
        """Get new tokens before the next try; when the login has ended, this says so."""
        try:
            await self._rest.renew()
        except LoginRefused:
            raise
        except AgentError as error:
            return _unreachable(error)
        return End(cause)


def _unreachable(error: AgentError) -> End:
    """A server that gives no tokens now may do so later, whatever it calls its refusal."""
    return End("unreachable", error.retry_after_s or 0.0)


async def _receive(socket: ClientConnection) -> FrameToPeer:
    message = await socket.recv()
    if not isinstance(message, str):
        raise BadFrame("a frame is not text")
    return parse_to_peer(message)


async def _until_one_fails(*loops: Coroutine[Any, Any, NoReturn]) -> NoReturn:
    """Run endless loops side by side; the first failure ends all and is raised as it is."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        next(iter(done)).result()
        raise RuntimeError("an endless loop ended")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(socket: ClientConnection) -> None:
    try:
        async with asyncio.timeout(CLOSE_DEADLINE_S):
            await socket.close()
    except TimeoutError:
        logger.info("the session socket did not close in time")
    finally:
        # Whatever the server does: no connection and no task of it stays.
        socket.transport.abort()
        await socket.wait_closed()


def _now() -> float:
    return asyncio.get_running_loop().time()
