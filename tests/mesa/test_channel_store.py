"""Who subscribed hears all that is published from then on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import redis

from mesa import channel_store
from mesa.channel_store import StoreEnd
from mesa.store_line import TRIED_AGAIN_AFTER_S

LIMIT_S: Final = 5.0
CONFIRMED: Final = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"


class SlowToConfirm:
    """A store that confirms a subscription when it is told to, or goes."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.is_refusing = False
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while received := await reader.read(1024):
            if b"SUBSCRIBE" in received:
                self.asked.set()
                if self.is_refusing:
                    writer.write(b"-NOPERM\r\n")
            else:
                writer.write(b"+OK\r\n" * received.count(b"*"))
        writer.close()

    def confirm(self) -> None:
        self.writers[0].write(CONFIRMED)

    def go(self) -> None:
        self.writers[0].close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SlowToConfirm]:
    store = SlowToConfirm()
    async with asyncio.timeout(LIMIT_S), await asyncio.start_unix_server(store.serve, tmp_path / "store"):
        yield store


@pytest.fixture
async def end(store: SlowToConfirm, tmp_path: Path) -> AsyncIterator[StoreEnd]:
    end = StoreEnd({"address": f"unix://{tmp_path / 'store'}"}, lambda _channel, _message: None)
    yield end
    await end.flush()


async def test_subscription_is_waited_for_by_all_who_ask_for_it(store: SlowToConfirm, end: StoreEnd) -> None:
    waiting = [asyncio.create_task(end.subscribe("a")) for _ in range(2)]
    await store.asked.wait()
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert done == set()

    waiting[0].cancel()
    store.confirm()

    await waiting[1]


async def test_store_that_goes_before_it_confirms_is_told(store: SlowToConfirm, end: StoreEnd) -> None:
    waiting = asyncio.create_task(end.subscribe("a"))
    await store.asked.wait()

    store.go()

    with pytest.raises(redis.ConnectionError):
        await waiting


async def test_store_that_refuses_subscriptions_is_asked_again_after_a_while(
    store: SlowToConfirm, end: StoreEnd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_store, "AGAIN_AFTER_S", 10 * LIMIT_S)
    store.is_refusing = True

    with pytest.raises(redis.ConnectionError):
        await end.subscribe("a")
    store.asked.clear()
    await store.asked.wait()
    store.asked.clear()
    third = asyncio.create_task(store.asked.wait())
    done, _ = await asyncio.wait({third}, timeout=4 * TRIED_AGAIN_AFTER_S)
    third.cancel()

    assert done == set()
    assert [each.levelname for each in caplog.records].count("WARNING") == 1


async def test_store_that_goes_as_soon_as_it_confirmed_is_asked_again(tmp_path: Path) -> None:
    asked = 0
    again = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while received := await reader.read(1024):
            if b"SUBSCRIBE" not in received:
                writer.write(b"+OK\r\n" * received.count(b"*"))
                continue
            asked += 1
            writer.write(CONFIRMED)
            if asked == 1:
                first.set()
                await gone.wait()
            elif asked > 2:
                again.set()
                continue
            break
        writer.close()

    first, gone = asyncio.Event(), asyncio.Event()
    end = StoreEnd({"address": f"unix://{tmp_path / 'store'}"}, lambda _channel, _message: None)
    async with asyncio.timeout(LIMIT_S), await asyncio.start_unix_server(serve, tmp_path / "store"):
        await end.subscribe("a")
        await first.wait()
        gone.set()
        await again.wait()
    await end.flush()


async def test_subscription_of_before_says_nothing_while_the_store_is_gone(
    store: SlowToConfirm, end: StoreEnd, caplog: pytest.LogCaptureFixture
) -> None:
    first = asyncio.create_task(end.subscribe("a"))
    await store.asked.wait()
    store.confirm()
    await first
    gone = asyncio.Event()

    def note(_: logging.LogRecord) -> bool:
        gone.set()
        return True

    caplog.handler.addFilter(note)
    store.go()
    await gone.wait()

    second = asyncio.create_task(end.subscribe("a"))
    done, _ = await asyncio.wait({second}, timeout=TRIED_AGAIN_AFTER_S / 2)
    second.cancel()

    assert done == set()
