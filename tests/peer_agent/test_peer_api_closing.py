"""A peer that is closed leaves nothing behind, whatever it was doing, and lets nobody wait for ever."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from peer_agent import ContactBlocked, MessageReceived, NotDelivered, Online, Peer, PeerClosed, UnknownUser
from peer_agent.events import ContactUnsafe, MessageProgress
from peer_agent.progress import MessageState
from peer_agent.state_dir import locked
from tests.peer_agent.served import Served, serve_ada
from tests.waiting import wait_for

LIMIT_S = 30.0
Doing = Callable[[Peer], Awaitable[object]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        yield made


async def until_online(peer: Peer) -> None:
    async for event in peer.events():
        if isinstance(event, Online):
            return


async def nothing_yet(peer: Peer) -> None:
    """Close while it still connects."""


async def greeted(peer: Peer) -> None:
    """Close in the middle of the first offers."""
    async for _ in peer.events():
        return


async def sent(peer: Peer) -> None:
    await until_online(peer)
    peer.send("bo", "hi")


async def unread(peer: Peer) -> None:
    kept = [peer.events(), peer.watching()]
    await until_online(peer)
    assert len(kept) == 2


async def failed(peer: Peer) -> None:
    await until_online(peer)
    raise ZeroDivisionError


async def cancelled(peer: Peer) -> None:
    await until_online(peer)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.Event().wait()


def open_files() -> set[str]:
    """What this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return found


async def with_a_server_that_stays_on_the_line(peer: Peer) -> None:
    await until_online(peer)


STATES = [
    nothing_yet,
    greeted,
    until_online,
    sent,
    unread,
    failed,
    cancelled,
    with_a_server_that_stays_on_the_line,
]


@pytest.mark.parametrize("doing", STATES)
async def test_closing_leaves_nothing_behind(served: Served, doing: Doing) -> None:
    served.server.lingers = doing is with_a_server_that_stays_on_the_line
    tasks = asyncio.all_tasks()

    async def live() -> None:
        async with Peer.open(served.path) as peer:
            await doing(peer)

    files = open_files()
    with contextlib.suppress(ZeroDivisionError, asyncio.CancelledError):
        async with asyncio.timeout(LIMIT_S):
            await asyncio.create_task(live())
    # The test server's side of a connection is of this process, too.
    served.server.hang_up()

    assert asyncio.all_tasks() == tasks
    assert [each for each in open_files() - files if str(served.path) in each] == []
    wait_for(lambda: open_files() <= files)
    with locked(served.path):
        pass


async def test_stream_in_another_task_ends(served: Served) -> None:
    async with asyncio.TaskGroup() as group, asyncio.timeout(LIMIT_S):
        async with Peer.open(served.path) as peer:
            reading = group.create_task(until_closed(peer))
            await until_online(peer)
        await reading


async def until_closed(peer: Peer) -> None:
    async for event in peer.events():
        assert not isinstance(event, MessageReceived)


async def test_message_that_is_in_hand_at_the_close_comes_again(served: Served) -> None:
    served.change(lambda ada: ada.inbox.take(served.bo.write(ada, "hello")))
    async with Peer.open(served.path) as peer, asyncio.timeout(LIMIT_S):
        stream = peer.events()
        while not isinstance(await anext(stream), MessageReceived):
            pass

    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    async with Peer.open(served.path) as peer:
        assert peer.waiting_messages() == 1


async def test_who_waits_for_a_receipt_at_the_close_is_told(served: Served) -> None:
    async with Peer.open(served.path) as peer:
        sent = peer.send("bo", "hi")
        waiting = asyncio.ensure_future(sent.delivered())
        await until_online(peer)

    with pytest.raises(NotDelivered):
        await waiting
    with pytest.raises(PeerClosed):
        await sent.delivered()


async def test_who_waits_is_woken_by_the_receipt(served: Served) -> None:
    async with Peer.open(served.path) as peer, asyncio.timeout(LIMIT_S):
        sent, other = peer.send("bo", "hi"), peer.send("bo", "ho")
        waiting = [asyncio.ensure_future(sent.delivered()) for _ in range(2)]
        await asyncio.wait([waiting[0]], timeout=0)

        peer._running._report(MessageProgress(sent.number, "bo", MessageState.DELIVERED, 1))

        await asyncio.gather(*waiting)
        assert peer._receipts._waiting == {}
        left = asyncio.ensure_future(other.delivered())
        await asyncio.wait([left], timeout=0)
        left.cancel()
        await asyncio.wait([left])
        assert peer._receipts._waiting == {}


async def test_who_waits_learns_that_keys_have_changed(served: Served) -> None:
    async with Peer.open(served.path) as peer, asyncio.timeout(LIMIT_S):
        waiting = asyncio.ensure_future(peer.send("bo", "hi").delivered())
        await asyncio.wait([waiting], timeout=0)

        peer._running._report(ContactUnsafe("bo"))

        with pytest.raises(ContactBlocked):
            await waiting


async def test_what_waits_is_stopped_as_soon_as_keys_are_seen_to_differ(served: Served) -> None:
    async with Peer.open(served.path) as peer, asyncio.timeout(LIMIT_S):
        events = peer.watching()
        sent = peer.send("bo", "hi")
        conversations = peer._running.conversations

        conversations.pins.block(conversations.books.contacts.require("bo").number)

        blocked = MessageProgress(sent.number, "bo", MessageState.BLOCKED, 0)
        while (await anext(events)).event != blocked:
            pass


async def test_nobody_waits_for_a_message_that_was_never_sent(served: Served) -> None:
    served.change(lambda ada: ada.inbox.take(served.bo.write(ada, "hello")))

    async with Peer.open(served.path) as peer:
        for number in (1, 7):
            with pytest.raises(UnknownUser):
                await peer.delivered("bo", number)
