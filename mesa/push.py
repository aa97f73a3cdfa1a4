"""The one way to push a frame to a device or to end a login's sockets.

A push may be lost (the snapshot repeats what still holds), so a store that is down is logged and never fails
the caller. The plain functions are for tasks and views: they hand over to one event loop that lives as long
as the process, since the channel layer keeps its connections per loop. The `a` functions are for socket
handlers, which have a loop.
"""

import asyncio
import json
import logging
import os
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from channels.layers import get_channel_layer

from mesa.store import StoreError

logger = logging.getLogger(__name__)

PUSH_TIMEOUT_S = 5
SessionEnd = Literal["logout", "expired", "revoked", "removed"]


def device_group(device_id: UUID) -> str:
    """Name the group of a device's sockets."""
    return f"device.{device_id.hex}"


def login_group(sid: UUID) -> str:
    """Name the group of a login's sockets."""
    return f"sid.{sid.hex}"


def push_device(device_id: UUID, frame: Mapping[str, Any]) -> bool:
    """Send a frame to a device, wherever its socket is. False: the store did not take it."""
    return _run(device_group(device_id), _frame_message(frame))


async def apush_device(device_id: UUID, frame: Mapping[str, Any]) -> bool:
    """Send a frame to a device from a socket handler. False: the store did not take it."""
    return await _send(device_group(device_id), _frame_message(frame))


def push_login(sid: UUID, frame: Mapping[str, Any]) -> bool:
    """Send a frame to the sockets of one login. False: the store did not take it."""
    return _run(login_group(sid), _frame_message(frame))


def end_login(sid: UUID, cause: SessionEnd) -> bool:
    """Have the sockets of a login closed; they also notice by themselves within 60 s."""
    return _run(login_group(sid), {"type": "session.end", "cause": cause})


async def aend_login(sid: UUID, cause: SessionEnd) -> bool:
    """Have the sockets of a login closed, from a socket handler."""
    return await _send(login_group(sid), {"type": "session.end", "cause": cause})


def _frame_message(frame: Mapping[str, Any]) -> dict[str, str]:
    return {"type": "push.frame", "text": json.dumps(frame, separators=(",", ":"))}


async def _send(group: str, message: dict[str, str]) -> bool:
    try:
        async with asyncio.timeout(PUSH_TIMEOUT_S):
            await get_channel_layer().group_send(group, message)
    except (StoreError, OSError, TimeoutError) as error:
        logger.warning("a push was lost: %s", type(error).__name__)
        return False
    return True


def _run(group: str, message: dict[str, str]) -> bool:
    return asyncio.run_coroutine_threadsafe(_send(group, message), _loop(os.getpid())).result()


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
