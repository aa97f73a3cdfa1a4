"""What the channel layer has of its store: for event loops two connections that stay, for threads a client.

Spec: docs/spec/store.md
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import redis
from channels_redis.utils import create_pool
from redis.exceptions import ResponseError
from redis.retry import Retry

from mesa.outages import STORE_DOWN
from mesa.store import BACKOFF, CONNECT_DEADLINE_S, TRIED_AGAIN
from mesa.store_line import TRIED_AGAIN_AFTER_S, Command, Line, Questions, connect, pack

logger = logging.getLogger(__name__)

ANSWER_DEADLINE_S: Final = 3.0
LIMITS: Final[dict[str, Any]] = {
    "socket_timeout": ANSWER_DEADLINE_S,
    "socket_connect_timeout": CONNECT_DEADLINE_S,
}
# Between looks for a store that is gone.
AGAIN_AFTER_S: Final = 1.0

# Where it is published, and what.
Publication = tuple[str, bytes]


class HearingLine(Line):
    """A line in the state that SUBSCRIBE brings it into: the store sends what is published."""

    def __init__(self, connection: Any, hear: Callable[[str, bytes], None], lose: Callable[[], None]) -> None:
        super().__init__(connection, encoding=None)
        self._hear = hear
        self._lose = lose
        self._unconfirmed: deque[asyncio.Future[None]] = deque()

    def subscribe(self, *channels: str) -> list[asyncio.Future[None]]:
        """Ask for channels; for each comes the moment from which all that is published in it is heard."""
        loop = asyncio.get_running_loop()
        confirmations: list[asyncio.Future[None]] = [loop.create_future() for _ in channels]
        self._unconfirmed.extend(confirmations)
        self.write([("SUBSCRIBE", *channels)])
        return confirmations

    def take(self, reply: Any) -> None:
        if isinstance(reply, Exception):
            logger.error("the store takes no subscription: %s", type(reply).__name__)
            self.close()
        elif reply[0] == b"message":
            self._hear(reply[1].decode(), reply[2])
        elif reply[0] == b"subscribe":
            self._unconfirmed.popleft().set_result(None)

    def lost(self) -> None:
        for confirmation in self._unconfirmed:
            confirmation.set_exception(redis.ConnectionError("the store closed the connection"))
            # Nobody need wait for it: what is subscribed anew is not waited for.
            confirmation.exception()
        self._lose()


@dataclass(slots=True)
class _Subscription:
    """A channel that is heard from its confirmation on, which is another one on each line."""

    confirmation: asyncio.Future[None]
    waiting: int = 0
    # Somebody was told that the channel is heard: it is until `unsubscribe`.
    is_held: bool = False


class StoreEnd:
    """A connection to hear by, and one to ask by. Stands in for the stock one of a loop's layer."""

    def __init__(self, host: dict[str, Any], hear: Callable[[str, bytes], None]) -> None:
        self._pool = create_pool(host | LIMITS)
        self._hear = hear
        self._questions = Questions(self._pool, deadline_s=ANSWER_DEADLINE_S)
        self._subscribed: dict[str, _Subscription] = {}
        self._line: HearingLine | None = None
        self._changing = asyncio.Lock()
        self._reopening: asyncio.Task[None] | None = None

    async def publish(self, channel: str, message: bytes) -> None:
        await self.publish_all([(channel, message)])

    async def publish_all(self, publications: Sequence[Publication]) -> None:
        """Publish in this order and in one go."""
        for reply in await self._questions.ask(*_commands(publications)):
            if isinstance(reply, Exception):
                raise reply

    async def subscribe(self, channel: str) -> None:
        """Hear a channel: all that is published after this returns.

        Raises:
            redis.ConnectionError, redis.TimeoutError: the store can not be reached, or closed the connection.
        """
        async with self._changing:
            # First of all, known or not: what was confirmed on a line that is gone is heard no more.
            line = await self._listen()
            if channel not in self._subscribed:
                (confirmation,) = line.subscribe(channel)
                self._subscribed[channel] = _Subscription(confirmation)
            found = self._subscribed[channel]
            found.waiting += 1
        try:
            # Others may wait for the same one: who gives up does so alone.
            await asyncio.shield(found.confirmation)
            found.is_held = True
        finally:
            found.waiting -= 1
            if not found.is_held and not found.waiting and self._subscribed.get(channel) is found:
                self._forget(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Hear no more of a channel. A store that is gone has forgotten it by itself."""
        self._forget(channel)

    def _forget(self, channel: str) -> None:
        self._subscribed.pop(channel, None)
        if self._line is not None and self._line.is_open:
            self._line.write([("UNSUBSCRIBE", channel)])

    async def flush(self) -> None:
        """Close both connections; the next use opens them again."""
        async with self._changing:
            self._subscribed.clear()
            if self._reopening is not None:
                self._reopening.cancel()
            if self._line is not None:
                self._line.close()
            self._questions.close()

    async def _listen(self) -> HearingLine:
        if self._line is None or not self._line.is_open:
            self._line = HearingLine(await connect(self._pool), self._hear, self._note_loss)
            if self._subscribed:
                confirmations = self._line.subscribe(*self._subscribed)
                for each, confirmation in zip(self._subscribed.values(), confirmations, strict=True):
                    each.confirmation = confirmation
        return self._line

    def _note_loss(self) -> None:
        if self._subscribed and (self._reopening is None or self._reopening.done()):
            logger.warning("the store is gone, pushes are lost until it is back")
            self._reopening = asyncio.get_running_loop().create_task(self._listen_again())

    async def _listen_again(self) -> None:
        # Not at once: a store that takes connections and no subscriptions must not be asked without end.
        pause_s = TRIED_AGAIN_AFTER_S
        while self._subscribed:
            await asyncio.sleep(pause_s)
            pause_s = AGAIN_AFTER_S
            try:
                async with self._changing:
                    line = await self._listen()
                    confirmations = [each.confirmation for each in self._subscribed.values()]
                await asyncio.gather(*map(asyncio.shield, confirmations))
            except STORE_DOWN:
                continue
            # One that was lost right after its confirmations was noted, and left to this task.
            if line.is_open:
                return


def publish_all(url: str, publications: Sequence[Publication]) -> None:
    """Publish in this order and in one go, from a thread.

    Raises:
        what the store's client does: the store does not answer.
    """
    commands = _commands(publications)
    pool = client(url).connection_pool
    connection = pool.get_connection()
    try:
        connection.retry.call_with_retry(
            lambda: _send(connection, commands), lambda _: connection.disconnect()
        )
    finally:
        pool.release(connection)


def _send(connection: Any, commands: Sequence[Command]) -> None:
    # redis-py's own batch sends each long command by itself.
    connection.send_packed_command([pack(commands)])
    try:
        for _ in commands:
            connection.read_response()
    except ResponseError:
        # The answers to the others must not be taken for those to the next ones.
        connection.disconnect()
        raise


def _commands(publications: Sequence[Publication]) -> list[Command]:
    return [("PUBLISH", channel, message) for channel, message in publications]


def client(url: str) -> Any:
    """Give the client of this process; its pool is shared by all threads."""
    return _client(url, os.getpid())


@lru_cache(maxsize=4)
def _client(url: str, _pid: int) -> Any:
    return redis.Redis.from_url(url, **LIMITS, retry=Retry(BACKOFF, 1, TRIED_AGAIN))
