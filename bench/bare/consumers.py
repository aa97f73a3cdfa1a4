"""The session socket: a frame is read, noted in the store, and passed on to whom it is for."""

import asyncio
import json
from functools import cache
from typing import Any

import redis.asyncio
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken

from bench.bare import frames
from bench.bare.push import apush, group
from bench.bare.tasks import end
from p2p.protocol.limits import SUBPROTOCOL

NOTED_FOR_S = 60


class DeviceConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One device's socket."""

    async def connect(self) -> None:
        headers = dict(self.scope["headers"])
        token = AccessToken(headers[b"authorization"].removeprefix(b"Bearer "))
        self.device = int(token["user_id"])
        await self.channel_layer.group_add(group(self.device), self.channel_name)
        await self.accept(SUBPROTOCOL)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        assert text_data is not None
        frame: dict[str, Any] = json.loads(text_data)
        await _store().set(f"bare:{self.device}:{frame['type']}", text_data, ex=NOTED_FOR_S)
        match frame["type"]:
            case "hello":
                for text in frames.greeting():
                    await self.send(text)
            case "ice_client":
                await self.send(frames.snapshot())
            case "answer":
                await apush([frames.answer(frame)])
            case "receipt":
                await apush([frames.receipt(frame)])
            case "complete":
                # From a thread: Celery's client blocks.
                await asyncio.to_thread(end.delay, frame["tx"], self.device)

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(group(self.device), self.channel_name)

    async def push_frame(self, event: dict[str, str]) -> None:
        """Pass on what was sent to the device."""
        await self.send(event["text"])


@cache
def _store() -> "redis.asyncio.Redis[bytes]":
    return redis.asyncio.Redis.from_url(settings.STORE_URL)
