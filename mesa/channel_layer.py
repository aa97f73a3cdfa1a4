"""The channel layer: the pubsub one of channels-redis, with a bound on what waits for a socket.

The stock queue between the store and a socket has no bound: a process that can not keep up would grow until
it is killed, and take all of its sockets along. Here the oldest frame goes: `mesa.push` says what makes up
for a push that is lost. The store bounds its own side of a subscription.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close

from mesa import channel_store
from mesa.channel_store import ANSWER_DEADLINE_S, Publication, StoreEnd

logger = logging.getLogger(__name__)

# An order has 8 KiB: a socket's queue takes 2 MiB at most.
MAX_WAITING: Final = 256
Messages = Iterable[tuple[str, Mapping[str, str]]]


class LatestQueue(asyncio.Queue[bytes]):
    """Holds the latest MAX_WAITING messages: when one more comes, the oldest is dropped."""

    def __init__(self) -> None:
        super().__init__(MAX_WAITING)
        self.has_dropped = False

    def put_nowait(self, item: bytes) -> None:
        if self.full():
            self.get_nowait()
            if not self.has_dropped:
                logger.warning("a socket does not keep up, frames for it are dropped")
            self.has_dropped = True
        super().put_nowait(item)


class LoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]  # the package has no types
    """The layer of one event loop; the settings give it one store."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        stock: Any = self._shards  # type: ignore[has-type]  # the package has no types
        self._store = StoreEnd(stock[0].host, self._hear)
        self._shards = [self._store]

    def _hear(self, name: str, message: bytes) -> None:
        for channel in self.groups.get(name, (name,)):
            if channel in self.channels:
                self.channels[channel].put_nowait(message)

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = LatestQueue()
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                await self._store.subscribe(channel)
        except BaseException:
            del self.channels[channel]
            raise

    async def delete_channel(self, channel: str) -> None:
        """Forget a channel whose receiver is gone. `receive` does so only if it ends in the middle of it."""
        if self.channels.pop(channel, None) is not None:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                await self._store.unsubscribe(channel)

    async def group_add(self, group: str, channel: str) -> None:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            await super().group_discard(group, channel)

    async def group_send_all(self, messages: Messages) -> None:
        """Send each message to its group, in this order and in one go."""
        await self._store.publish_all(self.channel_layer.published(messages))


class ChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # as above
    """Gives each event loop a layer of its own, as the stock one does. Threads have no loop and need none."""

    def __init__(self, hosts: Sequence[str], prefix: str = "asgi", **options: Any) -> None:
        super().__init__(hosts=hosts, prefix=prefix, **options)
        (self._url,) = hosts
        self._prefix = prefix

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        found: LoopLayer | None = self._layers.get(loop)
        if found is None:
            found = self._layers[loop] = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return found

    def published(self, messages: Messages) -> list[Publication]:
        """Say what is published where for messages to groups."""
        return [(self._name(group), self.serialize(message)) for group, message in messages]

    def send_all(self, messages: Messages) -> None:
        """Send each message to its group, in this order and in one go, from a thread without a loop.

        Raises:
            what the store's client does: the store does not answer.
        """
        channel_store.publish_all(self._url, self.published(messages))

    def count_listeners(self, group: str) -> int:
        """Count the processes that listen for what is sent to a group, from a thread without a loop.

        Raises:
            as `send_all`.
        """
        ((_, count),) = channel_store.client(self._url).pubsub_numsub(self._name(group))
        return int(count)

    def _name(self, group: str) -> str:
        return f"{self._prefix}__group__{group}"
