"""What was receipted is shown at least once, under one number, whoever crashes or reads slowly."""

import sqlite3

import pytest

from peer_agent import events as bus
from peer_agent.cli import main
from peer_agent.clock import S_PER_DAY
from peer_agent.errors import ExitCode
from peer_agent.events import Event, Events, EventsLost, MessageMissing, MessageReceived
from peer_agent.history import Gap, Kept
from peer_agent.inbox import HOLD_S, Inbox, InboxEdges
from peer_agent.showing import READ_AT_ONCE, ShowingStream, Unshown
from tests.peer_agent.devices import Device


class Run:
    """One run of an agent on bo's store: its inbox, its events."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.events = Events(lambda: 1.0)
        edges = InboxEdges(self.events.publish, device.unreadable.append, device.resent.append)
        self.inbox = Inbox(device.books, device.opener, device.pins, edges, device.time.clock())
        self.inbox.resume()

    def showing(self) -> ShowingStream:
        return ShowingStream(Unshown(self.device.books), self.events.read(), lambda: 1.0)

    async def read(self) -> list[Event]:
        """Read everything there is, and ask for more as a reader does."""
        async with self.showing() as stream:
            self.events.close()
            return [timed.event async for timed in stream]


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, MessageReceived)]


async def test_message_that_nobody_showed_is_shown_by_the_next_run(ada: Device, bo: Device) -> None:
    assert bo.inbox.take(ada.write(bo, "hello")) is not None
    bo.crash()

    shown = await Run(bo).read()

    assert shown == [MessageReceived(1, "ada", "hello", 1_800_000_000_000)]


async def test_message_that_was_shown_is_not_shown_again(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    await Run(bo).read()
    bo.crash()

    assert await Run(bo).read() == []


async def test_message_in_hand_at_a_crash_comes_again_under_its_number(ada: Device, bo: Device) -> None:
    for text in ("one", "two"):
        bo.inbox.take(ada.write(bo, text))
    stream = Run(bo).showing()
    await anext(stream)
    in_hand = (await anext(stream)).event
    bo.crash()

    assert await Run(bo).read() == [in_hand]


async def test_reader_that_fails_has_not_shown_what_it_held(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))

    async def fail() -> None:
        async with Run(bo).showing() as stream:
            await anext(stream)
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await fail()

    assert texts(await Run(bo).read()) == ["hello"]


async def test_reader_that_leaves_in_order_has_shown_what_it_held(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))

    async with Run(bo).showing() as stream:
        await anext(stream)

    assert await Run(bo).read() == []


async def test_reader_of_events_shows_nothing(ada: Device, bo: Device) -> None:
    run = Run(bo)
    plain = run.events.read()
    run.inbox.take(ada.write(bo, "hello"))
    run.events.close()

    assert texts([timed.event async for timed in plain]) == ["hello"]
    assert Unshown(bo.books).count() == 1
    assert texts(await Run(bo).read()) == ["hello"]


async def test_what_waits_and_what_comes_is_shown_once_and_in_order(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "before"))
    run = Run(bo)
    async with run.showing() as stream:
        run.inbox.take(ada.write(bo, "meanwhile"))
        first = await anext(stream)
        run.inbox.take(ada.write(bo, "after"))
        run.events.close()
        rest = [timed.event async for timed in stream]

    assert texts([first.event, *rest]) == ["before", "meanwhile", "after"]


async def test_lost_events_lose_no_message(ada: Device, bo: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "QUEUED_EVENTS", 4)
    run = Run(bo)
    written = [str(number) for number in range(12)]
    async with run.showing() as stream:
        for text in written:
            run.inbox.take(ada.write(bo, text))
        run.events.close()
        seen = [timed.event async for timed in stream]

    assert any(isinstance(event, EventsLost) for event in seen)
    assert texts(seen) == written


async def test_more_than_is_read_at_once_is_shown_in_order(ada: Device, bo: Device) -> None:
    written = [str(number) for number in range(READ_AT_ONCE + 3)]
    for text in written:
        bo.inbox.take(ada.write(bo, text))
    run = Run(bo)
    run.inbox.take(ada.write(bo, "last"))

    assert texts(await run.read()) == [*written, "last"]


def test_message_is_held_for_days_when_the_sender_is_away(ada: Device, bo: Device) -> None:
    first, second = ada.write(bo, "do not"), ada.write(bo, "sell everything")
    bo.inbox.take(second)
    bo.time.now += 13 * S_PER_DAY
    bo.crash()
    bo.inbox.resume()

    bo.inbox.take(first)

    assert bo.shown == ["do not", "sell everything"]


def test_hold_ends_on_time_across_runs_and_the_gap_is_shown(ada: Device, bo: Device) -> None:
    ada.write(bo, "lost")
    bo.inbox.take(ada.write(bo, "second"))
    bo.time.now += HOLD_S
    bo.crash()
    bo.inbox.resume()

    assert [type(event) for event in bo.events] == [MessageMissing, MessageReceived]


def test_gap_holds_up_nothing_that_follows(ada: Device, bo: Device) -> None:
    ada.write(bo, "lost")
    bo.inbox.take(ada.write(bo, "second"))
    bo.time.now += HOLD_S
    bo.inbox.show_overdue()

    bo.inbox.take(ada.write(bo, "third"))

    assert bo.shown == ["second", "third"]
    assert sum(isinstance(event, MessageMissing) for event in bo.events) == 1


async def test_message_that_comes_after_its_gap_is_shown_under_its_number(ada: Device, bo: Device) -> None:
    late = ada.write(bo, "late")
    bo.inbox.take(ada.write(bo, "second"))
    bo.time.now += HOLD_S
    bo.inbox.show_overdue()
    gap, _ = await Run(bo).read()

    receipt = bo.inbox.take(late)
    shown = await Run(bo).read()

    assert receipt is not None
    assert ada.receipt(bo, receipt) == 1
    assert isinstance(gap, MessageMissing)
    assert shown == [MessageReceived(gap.number, "ada", "late", 1_800_000_000_000)]


def test_all_before_an_overdue_message_is_shown_before_it(ada: Device, bo: Device) -> None:
    ada.write(bo, "lost")
    second, third = ada.write(bo, "second"), ada.write(bo, "third")
    bo.inbox.take(third)
    bo.time.now += HOLD_S
    bo.inbox.take(second)
    bo.inbox.show_overdue()

    assert bo.shown == ["second", "third"]


def test_conversation_keeps_both_sides_in_the_order_they_had(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    ada.inbox.take(bo.write(ada, "hi"))
    ada.write(bo, "lost")
    bo.inbox.take(ada.write(bo, "held"))
    bo.write(ada, "still there?")

    entries = list(bo.books.history.conversation(bo.contact(ada).number))

    assert [entry.state for entry in entries] == [Kept.READY, Kept.UNDELIVERED, Kept.UNDELIVERED, Kept.HELD]


def test_gap_has_its_place_in_the_conversation(ada: Device, bo: Device) -> None:
    ada.write(bo, "lost")
    bo.inbox.take(ada.write(bo, "second"))
    bo.time.now += HOLD_S
    bo.inbox.show_overdue()

    entries = list(bo.books.history.conversation(bo.contact(ada).number))

    assert [isinstance(entry, Gap) for entry in entries] == [True, False]


def test_gap_is_not_named_as_seen(ada: Device, bo: Device) -> None:
    ada.write(bo, "lost")
    bo.inbox.take(ada.write(bo, "second"))
    bo.time.now += HOLD_S
    bo.inbox.show_overdue()

    answer = bo.write(ada, "what was before?")

    assert ada.inbox.take(answer) is not None
    assert ada.shown == ["what was before?"]
    lost = ada.books.history.get(ada.contact(bo).number, 1).message.message_id
    assert lost not in bo.books.history.undelivered(bo.contact(ada).number)[0].message.seen


def test_history_command_prints_both_sides_and_shows_nothing(
    ada: Device, bo: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    bo.write(ada, "hi\x1b[2J")
    bo.store.close()

    assert main(["--state", str(bo.path), "history"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "ada: hello (not shown yet)",
        "to ada: hi\N{REPLACEMENT CHARACTER}[2J (not delivered yet)",
    ]
    assert main(["--state", str(bo.path), "--json", "history", "ada"]) == ExitCode.OK
    assert '"state":"ready","outgoing":false,"text":"hello"' in capsys.readouterr().out
    assert main(["--state", str(bo.path), "history", "olga"]) == ExitCode.UNKNOWN_USER
    with sqlite3.connect(bo.path / "mesa.sqlite3") as database:
        states = database.execute("SELECT state FROM messages ORDER BY number").fetchall()
    assert states == [("ready",), ("undelivered",)]
