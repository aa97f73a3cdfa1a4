"""What `forward` shows and counts."""

import os
from collections.abc import AsyncIterator

import pytest
from rich.console import Console

from p2p.protocol.ids import HopId, LinkId
from peer_agent.cli_connection import CONNECTING, LOST, NOT_YET, Connection
from peer_agent.cli_forward import SHOWN_HOPS, Tally, write_lines
from peer_agent.cli_output import Output, false_sentence
from peer_agent.events import (
    CellsPassed,
    ContactUnsafe,
    Event,
    FalseClaim,
    FalseWord,
    HopEnded,
    HopReady,
    LinkOpened,
    SessionClosed,
    SessionOpened,
    TimedEvent,
)

OPENED, CLOSED = SessionOpened(resumed=False), SessionClosed("unreachable", 1.0)


def a_hop() -> tuple[HopId, HopId]:
    return HopId(os.urandom(8)), HopId(os.urandom(8))


def tally_of(*events: Event, clock: str = "12:00:00") -> Tally:
    tally = Tally()
    for event in events:
        tally.take(event, clock)
    return tally


def drawn(tally: Tally, width: int) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(tally.picture())
    return capture.get().splitlines()


def test_without_a_hop_there_is_one_line_and_no_grid() -> None:
    tally = tally_of(OPENED, LinkOpened(LinkId(bytes(16))))

    assert drawn(tally, 80) == ["forwarding · 1 link · 0 cells"]


def test_picture_keeps_to_fifty_columns() -> None:
    hop = a_hop()
    tally = tally_of(OPENED, CLOSED, HopReady(*hop), CellsPassed(*hop, 1), HopEnded(*hop, 123_456))

    lines = drawn(tally, 50)

    assert lines[0].startswith(LOST)
    assert max(map(len, lines)) <= 50
    assert "123456" in lines[-2]


def test_cells_are_counted_once_shown_or_not() -> None:
    hops = [a_hop() for _ in range(2 * SHOWN_HOPS)]
    events: list[Event] = [HopReady(*hop) for hop in hops]
    events += [CellsPassed(*hop, 1) for hop in hops]
    events += [HopEnded(*hop, 5) for hop in hops[:-1]]

    expected = f"Passed on {5 * (len(hops) - 1) + 1} cells of {len(hops)} paths."
    assert tally_of(*events).total == expected
    assert tally_of(*events, clock="").total == expected


def test_one_is_not_many() -> None:
    hop = a_hop()

    assert tally_of(HopReady(*hop), CellsPassed(*hop, 1)).total == "Passed on 1 cell of 1 path."


def test_order_without_a_cell_is_no_path() -> None:
    hop = a_hop()
    tally = tally_of(OPENED, HopReady(*hop), HopEnded(*hop, 0))

    assert tally.total == "Passed on 0 cells of 0 paths."
    assert drawn(tally, 80) == ["forwarding · 0 links · 0 cells"]


async def test_what_a_server_tried_is_told_to_who_forwards(capsys: pytest.CaptureFixture[str]) -> None:
    async def come() -> AsyncIterator[TimedEvent]:
        for event in (OPENED, ContactUnsafe("bo"), FalseClaim(FalseWord.PREKEYS, "bo", None)):
            yield TimedEvent(0.0, event)

    await write_lines(come(), Tally(), Output())

    state, unsafe, claim = capsys.readouterr().out.splitlines()
    assert state == "forwarding"
    assert "Keys of bo have changed" in unsafe
    assert claim == false_sentence(FalseClaim(FalseWord.PREKEYS, "bo", None))


def test_connection_says_what_is_so_and_only_when_it_changes() -> None:
    connection = Connection()
    said = [connection.trouble]
    for event in (CLOSED, CLOSED, OPENED, LinkOpened(LinkId(bytes(16))), CLOSED, CLOSED, OPENED):
        if connection.changes_by(event):
            said.append(connection.trouble)

    assert said == [CONNECTING, NOT_YET, "", LOST, ""]
