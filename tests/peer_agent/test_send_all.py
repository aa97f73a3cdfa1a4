"""Several messages accepted in one commit: all of them or none, in their order, and none before it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from peer_agent.delivery import SENT_AT_ONCE
from peer_agent.errors import StoreFull, UnknownUser, UsageError
from tests.peer_agent.database_edges import counted_store, fill, make_space
from tests.peer_agent.delivery_town import Town, open_town

TEXTS = ["one", "two", "three", "four"]
# The yes to the request and the first message come before.
NUMBERS = [3, 4, 5, 6]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


async def open_path(town: Town) -> None:
    """Deliver a first message: a session and a path are there for those that follow."""
    tx = await town.start("first")
    town.path(tx)
    town.receipt(tx, await town.arrive())


async def test_messages_are_stored_and_sealed_in_one_commit_and_arrive_in_order(town: Town) -> None:
    await open_path(town)

    with counted_store(town.ada.store) as database:
        numbers = town.ada.parts.delivery.send_all("bo", TEXTS)
        assert database.commits == 1
        assert town.ada.store.rows("SELECT COUNT(*) FROM envelopes") == [(4,)]
        for _ in TEXTS:
            await town.arrive()
        assert database.commits == 1

    assert numbers == NUMBERS
    assert town.shown() == ["first", *TEXTS]


async def test_without_a_path_they_wait_in_their_order(town: Town) -> None:
    tx = await town.start("first")
    town.ada.parts.delivery.send_all("bo", TEXTS)
    town.path(tx)

    for _ in ["first", *TEXTS]:
        await town.arrive()

    assert town.shown() == ["first", *TEXTS]


async def test_more_than_the_window_go_on_with_receipts(town: Town) -> None:
    await open_path(town)
    texts = [str(number) for number in range(SENT_AT_ONCE)]
    town.ada.parts.delivery.send_all("bo", texts)

    for _ in texts:
        tx = town.ada.parts.delivery._routed[town.ada.parts.books.contacts.require("bo").number].tx
        assert tx is not None
        town.receipt(tx, await town.arrive())

    assert town.shown() == ["first", *texts]


@pytest.mark.parametrize(
    "texts", [["good", ""], ["good", "x" * 65_537], ["good"] * (SENT_AT_ONCE + 1), "letters"]
)
async def test_one_that_is_refused_lets_none_be_accepted(town: Town, texts: list[str]) -> None:
    with pytest.raises(UsageError):
        town.ada.parts.delivery.send_all("bo", texts)
    with pytest.raises(UnknownUser):
        town.ada.parts.delivery.send_all("nobody", ["good"])

    assert town.ada.store.rows("SELECT COUNT(*) FROM messages WHERE state = 'undelivered'") == [(0,)]


@pytest.mark.parametrize("nth", [0, 3, 9])
async def test_full_disk_accepts_none_and_sends_none(town: Town, nth: int) -> None:
    await open_path(town)
    fill(town.ada.store, nth)

    with pytest.raises(StoreFull):
        town.ada.parts.delivery.send_all("bo", TEXTS)
    make_space(town.ada.store)

    assert town.cells.empty()
    assert town.ada.store.rows("SELECT COUNT(*) FROM messages WHERE state = 'undelivered'") == [(0,)]
    assert town.ada.parts.delivery.send_all("bo", TEXTS) == NUMBERS
    for _ in TEXTS:
        await town.arrive()
    assert town.shown() == ["first", *TEXTS]


async def test_nothing_is_accepted_when_there_is_nothing_to_send(town: Town) -> None:
    assert town.ada.parts.delivery.send_all("bo", []) == []
