"""The channel layer: the pubsub one of channels-redis, with a bound on what waits for a socket.

The stock queue between the store and a socket has no bound: a process that can not keep up would grow until
it is killed, and take all of its sockets along. Here the oldest frame goes: `mesa.push` says what makes up
for a push that is lost. The store bounds its own side of a subscription.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close

logger = logging.getLogger(__name__)

# An order has 8 KiB: a socket's queue takes 2 MiB at most.
MAX_WAITING: Final = 256
# The layer's connections have no deadline of their own.
ANSWER_DEADLINE_S: Final = 3.0


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

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = LatestQueue()
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                await self._get_shard(channel).subscribe(channel)
        except BaseException:
            del self.channels[channel]
            raise

    async def delete_channel(self, channel: str) -> None:
        """Forget a channel whose receiver is gone. `receive` does so only if it ends in the middle of it."""
        if self.channels.pop(channel, None) is not None:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                await self._get_shard(channel).unsubscribe(channel)

    async def group_add(self, group: str, channel: str) -> None:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            await super().group_discard(group, channel)

    async def group_send_all(self, messages: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Send each message to its group, in this order and in one round trip."""
        (shard,) = self._shards
        # The stock way waits for each answer, one at a time: the connection's lock is held meanwhile.
        async with shard._lock:
            shard._ensure_redis()
            async with shard._redis.pipeline(transaction=False) as batch:
                for group, message in messages:
                    batch.publish(self._get_group_channel_name(group), self.channel_layer.serialize(message))
                await batch.execute()

    async def count_listeners(self, group: str) -> int:
        """Count the processes that listen for what is sent to a group."""
        (shard,) = self._shards
        async with shard._lock:
            shard._ensure_redis()
            ((_, count),) = await shard._redis.pubsub_numsub(self._get_group_channel_name(group))
            return int(count)


class ChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # as above
    """Gives each event loop a layer of its own, as the stock one does."""

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        found: LoopLayer | None = self._layers.get(loop)
        if found is None:
            found = self._layers[loop] = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return found
