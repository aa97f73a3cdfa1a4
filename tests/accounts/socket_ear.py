"""What a socket of a login hears while something is done to it."""

import asyncio
from collections.abc import Callable
from typing import Any

from channels.layers import get_channel_layer

from mesa import push
from tests.factories import LoggedIn

WAIT_S = 5


async def heard_by_socket(ada: LoggedIn, act: Callable[[], object]) -> dict[str, Any]:
    """What the channel of a login's socket receives when something is done."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(push.login_group(ada.login.sid), channel)
    await asyncio.to_thread(act)
    message: dict[str, Any] = await asyncio.wait_for(layer.receive(channel), WAIT_S)
    await layer.flush()
    return message
