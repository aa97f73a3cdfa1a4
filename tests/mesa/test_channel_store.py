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
        self.is_let_go = asyncio.Event()
        self.is_met = asyncio.Event()
        self.lets_in = asyncio.Event()
        self.lets_in.set()
        self.is_refusing = False
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while received := await reader.read(1024):
            if b"UNSUBSCRIBE" in received:
                self.is_let_go.set()
            elif b"SUBSCRIBE" in received:
                self.asked.set()
                if self.is_refusing:
                    writer.write(b"-NOPERM\r\n")
            else:
                self.is_met.set()
                await self.lets_in.wait()
                writer.write(b"+OK\r\n" * received.count(b"*"))
        writer.close()

    def confirm(self) -> None:
        self.writers[-1].write(CONFIRMED)

    def go(self) -> None:
        self.writers[-1].close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SlowToConfirm]:
    store = SlowToConfirm()
    async with await asyncio.start_unix_server(store.serve, tmp_path / "store"):
        yield store


@pytest.fixture
async def end(store: SlowToConfirm, tmp_path: Path) -> AsyncIterator[StoreEnd]:
    end = StoreEnd({"address": f"unix://{tmp_path / 'store'}"}, lambda _channel, _message: None)
    yield end
    await end.flush()


async def come(event: asyncio.Event) -> None:
    async with asyncio.timeout(LIMIT_S):
        await event.wait()


async def subscribe(store: SlowToConfirm, end: StoreEnd) -> None:
    waiting = asyncio.create_task(end.subscribe("a"))
    await come(store.asked)
    store.asked.clear()
    store.confirm()
    await waiting


async def test_subscription_is_waited_for_by_all_who_ask_for_it(store: SlowToConfirm, end: StoreEnd) -> None:
    waiting = [asyncio.create_task(end.subscribe("a")) for _ in range(2)]
    await come(store.asked)
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert done == set()

    waiting[0].cancel()
    store.confirm()

    await waiting[1]


async def test_store_that_goes_before_it_confirms_is_told(store: SlowToConfirm, end: StoreEnd) -> None:
    waiting = asyncio.create_task(end.subscribe("a"))
    await come(store.asked)

    store.go()

    with pytest.raises(redis.ConnectionError):
        await waiting


async def test_store_that_refuses_subscriptions_is_asked_again_after_a_while(
    store: SlowToConfirm, end: StoreEnd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_store, "AGAIN_AFTER_S", 10 * LIMIT_S)
    await subscribe(store, end)
    store.is_refusing = True

    store.go()
    await come(store.asked)
    store.asked.clear()
    second = asyncio.create_task(store.asked.wait())
    done, _ = await asyncio.wait({second}, timeout=4 * TRIED_AGAIN_AFTER_S)
    second.cancel()

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
    await subscribe(store, end)
    gone = asyncio.Event()

    def note(_: logging.LogRecord) -> bool:
        gone.set()
        return True

    caplog.handler.addFilter(note)
    store.go()
    await come(gone)

    second = asyncio.create_task(end.subscribe("a"))
    done, _ = await asyncio.wait({second}, timeout=TRIED_AGAIN_AFTER_S / 2)
    second.cancel()

    assert done == set()


async def test_subscription_that_nobody_waits_for_any_more_ends(store: SlowToConfirm, end: StoreEnd) -> None:
    waiting = [asyncio.create_task(end.subscribe("a")) for _ in range(2)]
    await come(store.asked)

    for each in waiting:
        each.cancel()

    await come(store.is_let_go)


async def test_subscription_that_was_confirmed_goes_on_though_another_gives_up(
    store: SlowToConfirm, end: StoreEnd
) -> None:
    await subscribe(store, end)
    store.go()
    await come(store.asked)
    store.asked.clear()
    second = asyncio.create_task(end.subscribe("a"))
    done, _ = await asyncio.wait({second}, timeout=0.05)
    assert done == set()

    second.cancel()
    await asyncio.wait({second})
    store.go()

    await come(store.asked)
    assert not store.is_let_go.is_set()


async def test_channel_is_let_go_though_a_store_takes_long_to_be_reached(
    store: SlowToConfirm, end: StoreEnd
) -> None:
    await subscribe(store, end)
    store.is_met.clear()
    store.lets_in.clear()
    store.go()
    await come(store.is_met)

    letting_go = asyncio.create_task(end.unsubscribe("a"))
    done, _ = await asyncio.wait({letting_go}, timeout=0)

    assert done == {letting_go}
    store.lets_in.set()
    await end.publish("b", b"")
    assert not store.asked.is_set()
