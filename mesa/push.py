"""The one way to push a frame to a device or to end a login's sockets.

A frame comes as the text that `p2p.protocol.frames.to_text` wrote, and goes out byte for byte: orders have an
exact size. A push may be lost: the next snapshot repeats paths, transactions and receipts, and a device looks
into its mailbox by itself every few minutes. So a store that is down is logged and never fails the caller.
The plain functions are for tasks and views, which have a thread; `apush_device` is for socket handlers, which
have an event loop that must not wait.
"""

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID

from channels.layers import get_channel_layer

from mesa.outages import STORE_DOWN
from p2p.protocol.words import SessionEndCause

logger = logging.getLogger(__name__)

PUSH_TIMEOUT_S = 5

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
    count: int = get_channel_layer().count_listeners(group)
    return count > 0


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
    try:
        get_channel_layer().send_all(messages)
    except STORE_DOWN as error:
        return _note_loss(error)
    return True


def _note_loss(error: Exception) -> bool:
    logger.warning("a push was lost: %s", type(error).__name__)
    return False
