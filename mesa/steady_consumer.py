"""A websocket consumer that waits for its socket and for its channel in two tasks that live as long as it.

Channels' own begins a task for every message, and waits for both sources anew after each.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer

from mesa.outages import STORE_DOWN

# RFC 6455, section 7.4.1: nobody has said why.
ABNORMAL: Final = 1006

Source = Callable[[], Awaitable[dict[str, Any]]]


class SteadyConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Handles messages of both sources one at a time. No handler asks SQL: no connections are cleared.

    `disconnect` is called however it ends: a socket that nobody serves must not look open to others.
    """

    is_disconnected = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        self.base_send = send
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        self.channel_name = await self.channel_layer.new_channel()
        at_work = asyncio.Lock()
        pushed = partial(self.channel_layer.receive, self.channel_name)
        pumps = {asyncio.create_task(self._pump(source, at_work)) for source in (receive, pushed)}
        try:
            ended, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            with suppress(StopConsumer):
                for pump in ended:
                    pump.result()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)
            if not self.is_disconnected:
                with suppress(StopConsumer):
                    await self.websocket_disconnect({"code": ABNORMAL})
            with suppress(*STORE_DOWN):
                await self.channel_layer.delete_channel(self.channel_name)

    async def _pump(self, source: Source, at_work: asyncio.Lock) -> None:
        while True:
            message = await source()
            self.is_disconnected |= message["type"] == "websocket.disconnect"
            async with at_work:
                await self.dispatch(message)

    async def dispatch(self, message: dict[str, Any]) -> None:
        await getattr(self, get_handler_name(message))(message)
