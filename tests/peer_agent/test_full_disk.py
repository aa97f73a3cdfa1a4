"""A disk without space: what can not be kept did not happen, and goes on when there is space."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from peer_agent import store as store_module
from peer_agent.contact_book import ContactState
from peer_agent.errors import ExitCode, StoreFull
from peer_agent.events import Events, EventsLost, MessageReceived, Online
from peer_agent.history import Kept
from peer_agent.rest import Rest, Tokens
from peer_agent.showing import ShowingStream, Unshown
from peer_agent.store import open_store
from tests.peer_agent.command_home import Home, home, run
from tests.peer_agent.database_edges import fill, make_space
from tests.peer_agent.delivery_town import Town, open_town
from tests.peer_agent.devices import SERVER, Device
from tests.peer_agent.meeting import Place, place, state

__all__ = ["home", "place", "run"]

BIG = 300_000
WRITES_TO_TAKE, WRITES_TO_SEND = 7, 2


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as opened:
        yield opened


# --- The store ----------------------------------------------------------------------------------------------


def test_write_on_a_full_disk_undoes_its_transaction(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    store.set_setting("one", b"before")
    pages = store.row("PRAGMA page_count")
    assert pages is not None
    store.row(f"PRAGMA max_page_count = {pages[0]}")

    with pytest.raises(StoreFull):
        write_both(store)

    assert store.setting("one") == b"before"
    store.row(f"PRAGMA max_page_count = {2**30}")
    with store.transaction():
        store.set_setting("two", bytes(BIG))
    assert store.setting("two") == bytes(BIG)
    store.close()


def write_both(store: store_module.Store) -> None:
    with store.transaction():
        store.set_setting("one", b"after")
        store.set_setting("two", bytes(BIG))


def test_commit_that_finds_no_space_undoes_its_transaction(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    fill(store, 1)

    with pytest.raises(StoreFull), store.transaction():
        store.set_setting("one", b"after")

    make_space(store)
    assert store.setting("one") is None
    with store.transaction():
        store.set_setting("one", b"later")
    store.close()


def test_other_failures_of_the_database_are_not_called_a_full_disk(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)

    with pytest.raises(sqlite3.OperationalError):
        store.change("DELETE FROM nothing")
    store.close()


# --- Receiving ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(WRITES_TO_TAKE))
def test_message_that_finds_no_space_gets_no_receipt_and_comes_once(
    ada: Device, bo: Device, nth: int
) -> None:
    envelope = ada.write(bo, "hello")
    fill(bo.store, nth)

    with pytest.raises(StoreFull):
        bo.inbox.take(envelope)
    make_space(bo.store)

    entry = bo.inbox.take(envelope)
    assert entry is not None
    assert ada.receipt(bo, entry) is not None
    bo.inbox.show_overdue()
    shown = Unshown(bo.books).first()
    assert [event.text for event in shown if isinstance(event, MessageReceived)] == ["hello"]
    assert bo.inbox.take(envelope) == entry


def test_tables_here_leave_no_write_out(ada: Device, bo: Device) -> None:
    fill(bo.store, WRITES_TO_TAKE)

    assert bo.inbox.take(ada.write(bo, "hello")) is not None


@pytest.mark.parametrize("nth", range(4))
def test_receipt_that_finds_no_space_is_taken_when_it_comes_again(ada: Device, bo: Device, nth: int) -> None:
    entry = bo.inbox.take(ada.write(bo, "hello"))
    assert entry is not None
    fill(ada.store, nth)

    with pytest.raises(StoreFull):
        ada.receipt(bo, entry)
    make_space(ada.store)

    assert ada.receipt(bo, entry) is not None


async def test_mailbox_is_emptied_when_there_is_space(place: Place) -> None:
    ada, bo = place.party("ada"), place.party("bo")
    for party in (ada, bo):
        await party.look()
    await ada.parts.contacts.request("bo")
    fill(bo.store, 0)

    with pytest.raises(StoreFull):
        await bo.look()
    assert len(place.server.users["bo"].mailbox) == 1

    make_space(bo.store)
    await bo.look()
    assert state(bo, "ada") is ContactState.ASKING
    assert place.server.users["bo"].mailbox == {}


async def test_shown_message_that_can_not_be_noted_is_noted_later_and_not_shown_twice(
    ada: Device, bo: Device
) -> None:
    for text in ("one", "two", "three"):
        bo.inbox.take(ada.write(bo, text))
    bus = Events(lambda: 1.0)
    shown: list[str] = []
    async with ShowingStream(Unshown(bo.books), bus.read(), lambda: 1.0) as stream:
        shown.append(text_of(await anext(stream)))
        fill(bo.store, 0)
        shown.append(text_of(await anext(stream)))
        shown.append(text_of(await anext(stream)))
        assert Unshown(bo.books).count() == 3
        bus.publish(EventsLost(1))
        bus.publish(Online(1, False))
        # What was lost is read again from the store, where all three still wait.
        assert [(await anext(stream)).event for _ in range(2)] == [EventsLost(1), Online(1, False)]
        make_space(bo.store)

    assert shown == ["one", "two", "three"]
    assert Unshown(bo.books).count() == 0


def text_of(timed: Any) -> str:
    text: str = timed.event.text
    return text


# --- Sending ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(WRITES_TO_SEND))
async def test_message_that_finds_no_space_is_not_accepted(town: Town, nth: int) -> None:
    edge = fill(town.ada.store, nth)

    with pytest.raises(StoreFull):
        town.ada.parts.delivery.send("bo", "refused")
    edge.left = 1_000

    history = town.ada.parts.books.history
    assert history.contacts_with(Kept.UNDELIVERED) == []
    tx = await town.start("accepted")
    town.path(tx)
    await town.arrive()
    assert town.shown() == ["accepted"]


async def test_message_that_can_not_be_sealed_waits_and_goes_when_there_is_space(town: Town) -> None:
    tx = await town.start("hello")
    edge = fill(town.ada.store, 0)
    town.path(tx)
    edge.left = 1_000

    await town.arrive()

    assert town.shown() == ["hello"]


async def test_tokens_that_can_not_be_kept_are_not_used(tmp_path: Path) -> None:
    """The server takes the old pair until the new one is used: what the disk holds must stay good."""
    used: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        used.append(request.content.decode())
        if request.url.path.endswith("refresh/"):
            return httpx.Response(200, json={"access": "new", "refresh": "new"})
        return httpx.Response(200, json={})

    def no_space(tokens: Tokens) -> None:
        raise StoreFull

    old = Tokens("a.eyJleHAiOjB9.c", "old")
    rest = Rest(SERVER, tokens=old, save=no_space, transport=httpx.MockTransport(answer))

    for _ in range(2):
        with pytest.raises(StoreFull):
            await rest.call("GET", "/api/accounts/me/")

    assert used == ['{"refresh":"old"}'] * 2
    await rest.aclose()


# --- Commands -----------------------------------------------------------------------------------------------


@pytest.fixture
def full_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database of ada's home has the pages that it has, and gets no more."""
    connect = sqlite3.connect

    def connect_without_space(*args: Any, **options: Any) -> sqlite3.Connection:
        database: sqlite3.Connection = connect(*args, **options)
        database.execute("PRAGMA max_page_count = 1")
        return database

    monkeypatch.setattr(sqlite3, "connect", connect_without_space)


@pytest.mark.usefixtures("full_disk")
def test_send_says_that_there_is_no_space_and_accepts_nothing(home: Home, run: Any) -> None:
    said = run("send", "bo", "x" * 60_000)

    assert (said.code, said.err) == (
        ExitCode.STORE_FULL,
        "mesa-peer: There is no space left on the disk for the local store. Nothing is lost: "
        "make space and try again.\n",
    )
    history = run("--json", "history")
    assert (history.code, history.out) == (0, "")
