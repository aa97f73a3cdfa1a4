"""The one way to push a frame to a device or to end a login's sockets.

A frame comes as the text that `p2p.protocol.frames.to_text` wrote, and goes out byte for byte: orders have an
exact size. A push may be lost: the next snapshot repeats paths, transactions and receipts, and a device looks
into its mailbox by itself every few minutes. So a store that is down is logged and never fails the caller.
The plain functions are for tasks and views: they hand over to one event loop that lives as long as the
process, since the channel layer keeps its connections per loop. `apush_device` is for socket handlers, which
have a loop.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from channels.layers import get_channel_layer

from mesa.outages import STORE_DOWN
from p2p.protocol.words import SessionEndCause

logger = logging.getLogger(__name__)

PUSH_TIMEOUT_S = 5
# The push loop ends a push by itself, unless the loop is stuck.
LOOP_MARGIN_S = 1

Message = tuple[str, dict[str, str]]


def device_group(device_id: UUID) -> str:
    """Name the group of a device's sockets."""
    return f"device.{device_id.hex}"


def login_group(sid: UUID) -> str:
    """Name the group of a login's sockets."""
    return f"sid.{sid.hex}"


def web_group(web: str) -> str:
    """Name the group of all sockets at a web process."""
    return f"web.{web}"


def push_device(device_id: UUID, text: str) -> bool:
    """Send a frame to a device, wherever its socket is. False: the store did not take it."""
    return push_devices([(device_id, text)])


def push_devices(frames: Sequence[tuple[UUID, str]]) -> bool:
    """Send frames to their devices at once; those for one device arrive in this order."""
    return _run([_frame_message(device_id, text) for device_id, text in frames])


async def apush_device(device_id: UUID, text: str) -> bool:
    """Send a frame to a device from a socket handler. False: the store did not take it."""
    return await _send([_frame_message(device_id, text)])


def end_login(sid: UUID, cause: SessionEndCause) -> bool:
    """Have the sockets of a login closed; they also notice by themselves within 60 s."""
    return _run([(login_group(sid), {"type": "session.end", "cause": str(cause)})])


def has_listeners(group: str) -> bool:
    """Tell whether what is pushed to a group would be heard anywhere; for tasks.

    Raises:
        TimeoutError, or what the client raises: the store does not answer (`mesa.outages`).
    """
    counting = asyncio.run_coroutine_threadsafe(_count(group), _loop(os.getpid()))
    return counting.result(PUSH_TIMEOUT_S + LOOP_MARGIN_S) > 0


async def _count(group: str) -> int:
    async with asyncio.timeout(PUSH_TIMEOUT_S):
        count: int = await get_channel_layer().count_listeners(group)
        return count


def _frame_message(device_id: UUID, text: str) -> Message:
    return device_group(device_id), {"type": "push.frame", "text": text}


async def _send(messages: Sequence[Message]) -> bool:
    try:
        async with asyncio.timeout(PUSH_TIMEOUT_S):
            await get_channel_layer().group_send_all(messages)
    except STORE_DOWN as error:
        return _note_loss(error)
    return True


def _run(messages: Sequence[Message]) -> bool:
    sending = asyncio.run_coroutine_threadsafe(_send(messages), _loop(os.getpid()))
    try:
        return sending.result(PUSH_TIMEOUT_S + LOOP_MARGIN_S)
    except TimeoutError as error:
        sending.cancel()
        return _note_loss(error)


def _note_loss(error: Exception) -> bool:
    logger.warning("a push was lost: %s", type(error).__name__)
    return False


_starting = threading.Lock()


def _loop(pid: int) -> asyncio.AbstractEventLoop:
    # lru_cache alone may call twice when two threads come first together.
    with _starting:
        return _make_loop(pid)


@lru_cache(maxsize=1)
def _make_loop(_pid: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="push", daemon=True).start()
    return loop
