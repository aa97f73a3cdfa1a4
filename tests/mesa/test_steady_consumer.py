"""A socket's own messages and those pushed to it are handled one at a time, until it is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import ApplicationCommunicator

from mesa.steady_consumer import SteadyConsumer

GROUP = "device.test"
LIMIT_S = 5

pytestmark = pytest.mark.usefixtures("empty_store")


class Recorder(SteadyConsumer):
    """Notes when it begins and ends to handle something; what comes in waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.let_go = asyncio.Event()

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.log.append(f"begin {text_data}")
        await self.send(text_data="begun")
        await self.let_go.wait()
        self.log.append(f"end {text_data}")

    async def pushed_word(self, event: dict[str, str]) -> None:
        self.log.append(f"push {event['word']}")
        await self.send(text_data=event["word"])

    async def pushed_fault(self, event: dict[str, str]) -> None:
        raise LookupError

    async def disconnect(self, code: int) -> None:
        self.log.append("disconnect")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def socket(recorder: Recorder) -> AsyncIterator[ApplicationCommunicator]:
    opened = ApplicationCommunicator(recorder, {"type": "websocket", "path": "/", "subprotocols": []})
    await opened.send_input({"type": "websocket.connect"})
    assert (await opened.receive_output(LIMIT_S))["type"] == "websocket.accept"
    yield opened
    if not opened.future.done():
        recorder.let_go.set()
        await opened.send_input({"type": "websocket.disconnect", "code": 1000})
        await opened.wait(LIMIT_S)
    await get_channel_layer().flush()


async def say(socket: ApplicationCommunicator, text: str) -> None:
    await socket.send_input({"type": "websocket.receive", "text": text})


async def push(**message: str) -> None:
    await get_channel_layer().group_send(GROUP, message)


async def heard(socket: ApplicationCommunicator) -> str:
    told: dict[str, Any] = await socket.receive_output(LIMIT_S)
    return str(told["text"])


async def test_no_message_overtakes_the_one_that_is_handled(
    recorder: Recorder, socket: ApplicationCommunicator
) -> None:
    await say(socket, "one")
    assert await heard(socket) == "begun"
    await push(type="pushed.word", word="two")
    await say(socket, "three")
    assert await socket.receive_nothing(0.1)

    recorder.let_go.set()

    assert {await heard(socket), await heard(socket)} == {"two", "begun"}
    assert recorder.log[:2] == ["begin one", "end one"]
    assert recorder.log.index("end three") == recorder.log.index("begin three") + 1


async def test_a_closed_socket_takes_no_more_pushes(
    recorder: Recorder, socket: ApplicationCommunicator
) -> None:
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(LIMIT_S)

    assert recorder.log == ["disconnect"]
    assert get_channel_layer()._get_layer().channels == {}


async def test_a_fault_in_a_handler_ends_the_socket_as_if_it_was_closed(
    recorder: Recorder, socket: ApplicationCommunicator
) -> None:
    await push(type="pushed.fault")

    with pytest.raises(LookupError):
        await socket.wait(LIMIT_S)
    assert recorder.log == ["disconnect"]
    assert get_channel_layer()._get_layer().channels == {}


async def test_a_socket_that_is_given_up_is_closed(
    recorder: Recorder, socket: ApplicationCommunicator
) -> None:
    await say(socket, "one")
    assert await heard(socket) == "begun"

    socket.future.cancel()

    with suppress(asyncio.CancelledError):
        await socket.wait(LIMIT_S)
    assert recorder.log == ["begin one", "disconnect"]
    assert get_channel_layer()._get_layer().channels == {}
