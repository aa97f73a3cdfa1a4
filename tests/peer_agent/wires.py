"""Transports that only say what they are told, and a clock that a test turns."""

import asyncio

import pytest

from peer_agent.rtc import Callbacks


class Wire:
    """A transport whose other side is the test."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self.buffered_bytes = 0
        self.unconfirmed: int | None = None

    async def offer(self) -> str:
        return "v=0\r\n"

    async def answer(self, offer: str) -> str:
        return "v=0\r\n"

    async def accept(self, answer: str) -> None:
        """Take any answer."""

    def send(self, frame: bytes) -> None:
        """Take any frame."""

    async def close(self) -> None:
        """End at once."""


class Turned:
    """Adds to the loop's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real, self.later_s = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self.later_s)
