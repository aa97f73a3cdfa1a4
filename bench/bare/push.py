"""Sends frames to devices through the channel layer: each device is a group."""

import asyncio
import threading
from collections.abc import Iterable
from functools import cache

from channels.layers import get_channel_layer

from bench.bare.frames import Frame

PUSHED_WITHIN_S = 5


def group(device: int) -> str:
    """Name the group of a device's socket."""
    return f"device.{device}"


async def apush(frames: Iterable[Frame]) -> None:
    """Send frames from a socket handler."""
    layer = get_channel_layer()
    for device, text in frames:
        await layer.group_send(group(device), {"type": "push.frame", "text": text})


def push(frames: Iterable[Frame]) -> None:
    """Send frames from a task."""
    asyncio.run_coroutine_threadsafe(apush(frames), _loop()).result(PUSHED_WITHIN_S)


# One for all tasks: the layer would open a connection in each new loop.
@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
