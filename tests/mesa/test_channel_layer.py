"""What waits for a socket is bounded, and what is dropped is the oldest."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.layers import get_channel_layer

from mesa.channel_layer import MAX_WAITING, ChannelLayer

GROUP = "device.test"
TOO_MANY = MAX_WAITING + 44
RECEIVE_LIMIT_S = 5

pytestmark = pytest.mark.usefixtures("empty_store")


@pytest.fixture
async def layer() -> AsyncIterator[Any]:
    layer = get_channel_layer()
    yield layer
    await layer.flush()


async def receive(layer: Any, channel: str) -> int:
    async with asyncio.timeout(RECEIVE_LIMIT_S):
        return int((await layer.receive(channel))["n"])


async def flood(layer: Any, messages: int) -> str:
    """Send so many messages to a socket that takes none; gives its channel once all have come."""
    slow, quick = await layer.new_channel(), await layer.new_channel()
    for channel in (slow, quick):
        await layer.group_add(GROUP, channel)
    for number in range(messages):
        await layer.group_send(GROUP, {"type": "push.frame", "n": str(number)})
        # What has come to one member of the group has come to the other.
        assert await receive(layer, quick) == number
    return str(slow)


def test_settings_use_the_bounded_layer() -> None:
    assert isinstance(get_channel_layer(), ChannelLayer)


async def test_socket_that_keeps_up_loses_nothing(layer: Any, caplog: pytest.LogCaptureFixture) -> None:
    channel = await flood(layer, MAX_WAITING)

    assert [await receive(layer, channel) for _ in range(MAX_WAITING)] == list(range(MAX_WAITING))
    assert caplog.records == []


async def test_socket_that_does_not_keep_up_has_the_latest_frames(
    layer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        channel = await flood(layer, TOO_MANY)

    waiting = [await receive(layer, channel) for _ in range(MAX_WAITING)]

    assert waiting == list(range(TOO_MANY - MAX_WAITING, TOO_MANY))
    assert len(caplog.records) == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(channel), 0.05)
