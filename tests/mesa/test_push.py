import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings

from mesa import channel_store, push, store
from p2p.protocol.frames import to_text
from p2p.protocol.limits import FRAME_STEP_BYTES
from p2p.protocol.words import SessionEndCause
from tests.protocol.example_frames import TO_PEER
from tests.waiting import wait_for

DEVICE = uuid.UUID("11111111-1111-4111-8111-111111111111")
SID = uuid.UUID("22222222-2222-4222-8222-222222222222")
ORDER = to_text(TO_PEER["ready_to_receive, longest description"])
RECEIVE_LIMIT_S = 5
IDLE_S = 12
SOCKETS = 500

pytestmark = pytest.mark.usefixtures("empty_store")


@pytest.fixture
async def layer() -> AsyncIterator[Any]:
    layer = get_channel_layer()
    yield layer
    await layer.flush()


@pytest.fixture
def store_is_down(tmp_path: Path, settings: Any) -> Iterator[None]:
    nowhere = f"unix://{tmp_path}/nothing.sock"
    backend = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": backend | {"CONFIG": {"hosts": [nowhere]}}}
    yield
    channel_layers.backends.clear()


async def receive(layer: Any, channel: str, *, limit_s: float = RECEIVE_LIMIT_S) -> Any:
    async with asyncio.timeout(limit_s):
        return await layer.receive(channel)


async def test_frame_from_a_task_reaches_the_device(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)

    assert await asyncio.to_thread(push.push_device, DEVICE, ORDER)

    assert await receive(layer, channel) == {"type": "push.frame", "text": ORDER}
    assert len(ORDER) == FRAME_STEP_BYTES


async def test_frame_from_a_socket_handler_reaches_the_device(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)

    assert await push.apush_device(DEVICE, ORDER)

    assert (await receive(layer, channel))["text"] == ORDER


@pytest.mark.parametrize("text", ['{ "type" : "mailbox" }', '{"type":"mailbox","note":"ą"}', "0" * 8_192])
async def test_text_goes_out_as_it_was_written(layer: Any, text: str) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)

    await push.apush_device(DEVICE, text)

    assert (await receive(layer, channel))["text"] == text


async def test_frames_for_several_devices_reach_each_in_order(layer: Any) -> None:
    devices = [uuid.uuid4() for _ in range(5)]
    channels = [await layer.new_channel() for _ in devices]
    for device, channel in zip(devices, channels, strict=True):
        await layer.group_add(push.device_group(device), channel)
    # As for a path: an order for each peer, and one frame more for its sender.
    frames = [(device, f"order {number}") for number, device in enumerate(devices)]

    assert await asyncio.to_thread(push.push_devices, [*frames, (devices[0], "path")])

    got = [(await receive(layer, channel))["text"] for channel in channels]
    assert got == [text for _, text in frames]
    assert (await receive(layer, channels[0]))["text"] == "path"


def test_frames_for_several_devices_cost_one_round_trip(empty_store: store.Client) -> None:
    push.push_device(DEVICE, ORDER)
    before = empty_store.info("stats")["total_reads_processed"]

    push.push_devices([(uuid.uuid4(), ORDER) for _ in range(6)])

    # Two: the frames, and this question.
    assert empty_store.info("stats")["total_reads_processed"] - before < 6


async def test_end_of_a_login_reaches_its_sockets(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.login_group(SID), channel)

    assert await asyncio.to_thread(push.end_login, SID, SessionEndCause.LOGOUT)

    assert await receive(layer, channel) == {"type": "session.end", "cause": "logout"}


async def test_frames_of_many_tasks_at_once_all_arrive(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)

    await asyncio.gather(*(asyncio.to_thread(push.push_device, DEVICE, str(n)) for n in range(50)))

    got = [int((await receive(layer, channel))["text"]) for _ in range(50)]
    assert sorted(got) == list(range(50))


async def test_device_hears_again_after_the_store_closed_all_connections(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)

    await asyncio.to_thread(push.push_device, DEVICE, "before")
    assert (await receive(layer, channel))["text"] == "before"
    for kind in ("pubsub", "normal"):
        channel_store.client(settings.CHANNEL_URL).client_kill_filter(_type=kind, skipme=True)
    await until_heard(push.device_group(DEVICE))

    assert await push.apush_device(DEVICE, "one")
    assert await asyncio.to_thread(push.push_device, DEVICE, "two")

    assert [(await receive(layer, channel))["text"] for _ in range(2)] == ["one", "two"]


async def until_heard(group: str) -> None:
    await asyncio.to_thread(wait_for, lambda: push.has_listeners(group), limit_s=RECEIVE_LIMIT_S)


def test_push_without_a_store_fails_nobody(store_is_down: None) -> None:
    assert not push.push_device(DEVICE, ORDER)
    assert not push.push_devices([(DEVICE, ORDER)] * 6)
    assert not push.end_login(SID, SessionEndCause.REVOKED)


async def test_push_without_a_store_fails_no_socket_handler(store_is_down: None) -> None:
    assert not await push.apush_device(DEVICE, ORDER)


async def test_socket_that_was_idle_for_12_seconds_still_receives(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)
    waiting = asyncio.ensure_future(receive(layer, channel, limit_s=IDLE_S + RECEIVE_LIMIT_S))

    # Some clients close a socket that was silent for 5 s, and the one who waits on it never hears of it.
    done, _ = await asyncio.wait({waiting}, timeout=IDLE_S)
    assert not done
    await push.apush_device(DEVICE, ORDER)

    assert (await waiting)["text"] == ORDER


async def test_500_sockets_that_join_at_once_all_receive(layer: Any) -> None:
    channels = [await layer.new_channel() for _ in range(SOCKETS)]
    await asyncio.gather(*(layer.group_add(push.login_group(SID), channel) for channel in channels))

    await asyncio.to_thread(push.end_login, SID, SessionEndCause.REMOVED)

    messages = await asyncio.gather(*(receive(layer, channel) for channel in channels))
    assert [message["cause"] for message in messages] == ["removed"] * SOCKETS


async def test_channel_layer_leaves_no_key(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add(push.device_group(DEVICE), channel)
    await push.apush_device(DEVICE, ORDER)
    await receive(layer, channel)

    assert list(store.keys_without_ttl()) == []
