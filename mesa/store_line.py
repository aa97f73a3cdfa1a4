"""One connection to a store that all coroutines of an event loop share.

What is asked goes out at once, and answers come in the order of the questions. redis-py takes a connection
out of a pool for each command, with a task and several timers for it: that costs more than the command does.
It still opens the connection: it knows addresses, TLS and passwords.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hiredis
import redis
from redis.exceptions import InvalidResponse

# For a connection that the store closed: the next one may be there in a moment.
TRIED_AGAIN_AFTER_S: Final = 0.05
# Who only hears writes nothing, so a host that is gone would never be missed: the system asks after 5 s of
# silence, and after three more questions, each 2 s later, the connection is lost.
KEPT_ALIVE: Final = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3))
_INCOMPLETE: Final = object()

Command = Sequence[Any]


async def connect(pool: Any) -> Any:
    """Open a connection to the store of a pool, beside those that the pool keeps.

    Raises:
        redis.ConnectionError, redis.TimeoutError: the store can not be reached.
    """
    connection = pool.make_connection()
    await connection.connect()
    found = connection._writer.transport.get_extra_info("socket")
    if found.family != socket.AF_UNIX:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEPT_ALIVE:
            # Not every system has all of them.
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


class Line(asyncio.Protocol):
    """An open connection. What it brings is given to `take`, one reply after the other; then comes `lost`."""

    def __init__(self, connection: Any, *, encoding: str | None) -> None:
        self.is_open = True
        # It closes what it has opened when nobody has it any more.
        self._connection = connection
        self._transport = connection._writer.transport
        self._streams = self._transport.get_protocol()
        # Read by no stream: each of them is a task that wakes up.
        self._transport.set_protocol(self)
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection._parser.parse_error,
            encoding=encoding,
            notEnoughData=_INCOMPLETE,
        )

    def write(self, commands: Sequence[Command]) -> None:
        self._transport.write(pack(commands))

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def take(self, reply: Any) -> None:
        raise NotImplementedError

    def lost(self) -> None:
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _INCOMPLETE:
                self.take(reply)
        except InvalidResponse:
            self._transport.abort()

    def eof_received(self) -> None:
        """Let the transport close: a store that says no more hears no more."""

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        # redis-py's own streams wait for this when they are closed.
        self._streams.connection_lost(error)
        self._connection._close()
        self.lost()

    def pause_writing(self) -> None:
        """Go on: everybody waits for an answer before asking again, which bounds what is written."""

    def resume_writing(self) -> None:
        """Nobody was stopped."""


def pack(commands: Sequence[Command]) -> bytes:
    """Write commands as they go to a store, all in one piece."""
    return b"".join(map(_pack_one, commands))


def _pack_one(command: Command) -> bytes:
    word, *rest = command
    # Two words in one, as in `PUBSUB NUMSUB`, are two to the store.
    packed: bytes = hiredis.pack_command((*str(word).encode().split(), *rest))
    return packed


@dataclass(slots=True)
class _Question:
    """Commands that were sent together, and the replies that have come."""

    count: int
    answered: asyncio.Future[list[Any]]
    replies: list[Any] = field(default_factory=list)


class _AskedLine(Line):
    """A line that gives each reply to who asked."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection, encoding="utf-8")
        self._asked: deque[_Question] = deque()
        self._is_given_up = False

    def ask(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        answered: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.write(commands)
        self._asked.append(_Question(len(commands), answered))
        return answered

    def take(self, reply: Any) -> None:
        question = self._asked[0]
        question.replies.append(reply)
        if len(question.replies) == question.count:
            self._asked.popleft()
            # Who asked may have given up; the reply has its place all the same.
            if not question.answered.done():
                question.answered.set_result(question.replies)
            if self._is_given_up:
                self._close_when_idle()

    def lost(self) -> None:
        while self._asked:
            answered = self._asked.popleft().answered
            if not answered.done():
                answered.set_exception(redis.ConnectionError("the store closed the connection"))

    def give_up(self) -> None:
        """Close as soon as nobody waits for an answer any more, each as long as the own deadline says."""
        self._is_given_up = True
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        if all(question.answered.done() for question in self._asked):
            self.close()


class Questions:
    """Asks the store of a pool, over one line that is opened anew when it is lost."""

    def __init__(self, pool: Any, *, deadline_s: float) -> None:
        self._pool = pool
        self._deadline_s = deadline_s
        self._line: _AskedLine | None = None
        self._opening: asyncio.Task[_AskedLine] | None = None

    async def ask(self, *commands: Command) -> list[Any]:
        """Send commands in one go; returns their replies, errors of the store among them.

        Raises:
            redis.ConnectionError: the store can not be reached, or closed the connection twice.
            redis.TimeoutError: it does not answer. It may yet do what it was asked.
        """
        try:
            return await self._ask_once(commands)
        except redis.ConnectionError:
            await asyncio.sleep(TRIED_AGAIN_AFTER_S)
            return await self._ask_once(commands)

    async def ask_one(self, command: Command) -> Any:
        """Send one command.

        Raises:
            as `ask` does, or what the store answers.
        """
        (reply,) = await self.ask(command)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _ask_once(self, commands: Sequence[Command]) -> list[Any]:
        line = self._line
        if line is None or not line.is_open:
            line = await self._open()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await line.ask(commands)
        except TimeoutError:
            # Who asks next does not wait behind those who have asked here.
            if self._line is line:
                self._line = None
            line.give_up()
            raise redis.TimeoutError("the store does not answer") from None

    async def _open(self) -> _AskedLine:
        # One try for all who wait: with a store that is away they would wait for each other's.
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._connect())
        return await asyncio.shield(self._opening)

    async def _connect(self) -> _AskedLine:
        try:
            self._line = _AskedLine(await connect(self._pool))
            return self._line
        finally:
            self._opening = None

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
