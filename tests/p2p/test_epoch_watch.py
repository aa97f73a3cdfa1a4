"""Sockets learn of an emptied store, whatever becomes of one of them; with the last one the questions end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mesa import store
from p2p import epoch_watch
from p2p.epoch_watch import EpochWatch

LIMIT_S = 5.0


@dataclass(eq=False)
class Told:
    """A socket that notes what it is told."""

    epochs: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def epoch_changed(self, epoch: str) -> None:
        self.epochs.put_nowait(epoch)


class Broken(Told):
    """A socket that can not be told."""

    async def epoch_changed(self, epoch: str) -> None:
        raise RuntimeError("broken")


class Stuck(Told):
    """A socket that takes nothing any more."""

    async def epoch_changed(self, epoch: str) -> None:
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch_watch, "ASK_EVERY_S", 0.01)
    monkeypatch.setattr(epoch_watch, "TELL_DEADLINE_S", 0.01)


@pytest.mark.parametrize("bad", [Broken, Stuck])
async def test_socket_that_can_not_be_told_leaves_the_others_their_word(
    async_store: store.AsyncClient, bad: Callable[[], Told]
) -> None:
    watch, sockets = EpochWatch(), [bad(), Told()]
    for socket in sockets:
        await watch.join(socket)

    for _ in range(2):
        await async_store.flushall()
        assert await asyncio.wait_for(sockets[1].epochs.get(), LIMIT_S) == await store.aepoch()

    for socket in sockets:
        await watch.leave(socket)


async def test_last_socket_takes_the_questions_with_it(async_store: store.AsyncClient) -> None:
    before, watch, sockets = asyncio.all_tasks(), EpochWatch(), [Told(), Told()]
    for socket in sockets:
        await watch.join(socket)

    await watch.leave(sockets[0])
    assert len(asyncio.all_tasks() - before) == 1
    await watch.leave(sockets[1])
    assert asyncio.all_tasks() == before
