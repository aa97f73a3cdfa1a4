"""Events as `--json` prints them, and what happens to a reader that is too slow."""

import json
import re

import pytest

from p2p.protocol.ids import HopId, LinkId
from peer_agent import events
from peer_agent.events import Event, Events, EventsLost, Online, TimedEvent
from tests.live_tree import ROOT

HOP, OTHER = HopId(b"\x01" * 8), HopId(b"\x02" * 8)
EXAMPLES: dict[Event, dict[str, object]] = {
    events.SessionOpened(True): {"event": "session_opened", "resumed": True},
    events.SessionClosed("4408", 1.5): {"event": "session_closed", "cause": "4408", "retry_s": 1.5},
    events.Online(4, False): {"event": "online", "offers": 4, "forwards": False},
    events.LinkOpened(LinkId(b"\x03" * 16)): {"event": "link_opened", "link": "AwMDAwMDAwMDAwMDAwMDAw"},
    events.LinkClosed(LinkId(b"\x03" * 16)): {"event": "link_closed", "link": "AwMDAwMDAwMDAwMDAwMDAw"},
    events.HopReady(HOP, OTHER): {
        "event": "hop_ready",
        "incoming": "AQEBAQEBAQE",
        "outgoing": "AgICAgICAgI",
    },
    events.CellsPassed(HOP, OTHER, 1): {
        "event": "cells_passed",
        "incoming": "AQEBAQEBAQE",
        "outgoing": "AgICAgICAgI",
        "cells": 1,
    },
    events.HopEnded(HOP, OTHER, 9): {
        "event": "hop_ended",
        "incoming": "AQEBAQEBAQE",
        "outgoing": "AgICAgICAgI",
        "cells": 9,
    },
    events.ContactAsked("bo"): {"event": "contact_asked", "user": "bo"},
    events.ContactAdded("bo"): {"event": "contact_added", "user": "bo"},
    events.ContactUnsafe("bo"): {"event": "contact_unsafe", "user": "bo"},
    events.FalseClaim(events.FalseWord.RECEIPT, "bo", 3): {
        "event": "false_claim",
        "what": "receipt",
        "to": "bo",
        "number": 3,
    },
    events.UserIgnored("bo"): {"event": "user_ignored", "user": "bo"},
    events.UserBlocked("bo"): {"event": "user_blocked", "user": "bo"},
    events.UserUnblocked("bo"): {"event": "user_unblocked", "user": "bo"},
    events.ContactRenewed("bo", 1, 2): {"event": "contact_renewed", "user": "bo", "added": 1, "removed": 2},
    events.MessageProgress(7, "bo", "sent", 2, (HOP, OTHER)): {
        "event": "message_progress",
        "number": 7,
        "to": "bo",
        "state": "sent",
        "attempt": 2,
        "hops": ["AQEBAQEBAQE", "AgICAgICAgI"],
        "waits_for": None,
        "forwarders": None,
    },
    events.MessageReceived(8, "ada", "hi", 5): {
        "event": "message_received",
        "number": 8,
        "sender": "ada",
        "text": "hi",
        "sent_at_ms": 5,
    },
    events.MessageMissing(8, "ada"): {"event": "message_missing", "number": 8, "sender": "ada"},
    events.DiskFull(): {"event": "disk_full"},
    events.EventsLost(3): {"event": "events_lost", "count": 3},
}


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.NAME)
def test_event_has_the_keys_of_the_spec_and_a_time(event: Event) -> None:
    written = TimedEvent(12.5, event).to_json()

    assert written == {**EXAMPLES[event], "time": 12.5}
    assert list(written)[:2] == ["event", "time"]
    json.dumps(written)


def test_every_event_has_an_example_and_a_row_in_the_spec() -> None:
    names = {kind.NAME for kind in Event.__subclasses__()}
    page = (ROOT / "docs/spec/agent.md").read_text()

    assert {event.NAME for event in EXAMPLES} == names
    assert [name for name in names if not re.search(rf"^\|.*`{name}`", page, re.MULTILINE)] == []


async def test_every_reader_gets_every_event() -> None:
    bus = Events(lambda: 1.0)
    one, other = bus.read(), bus.read()

    bus.publish(Online(1, True))
    bus.close()

    assert [timed.event async for timed in one] == [Online(1, True)]
    assert [timed.event async for timed in other] == [Online(1, True)]


async def test_slow_reader_loses_the_oldest_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUEUED_EVENTS", 3)
    bus = Events(lambda: 1.0)
    stream = bus.read()

    for number in range(5):
        bus.publish(Online(number, True))
    first = [(await anext(stream)).event for _ in range(4)]

    assert first == [EventsLost(2), Online(2, True), Online(3, True), Online(4, True)]


async def test_reader_that_left_gets_nothing_more() -> None:
    bus = Events(lambda: 1.0)
    async with bus.read():
        pass

    bus.publish(Online(1, True))

    assert len(bus._readers) == 0
