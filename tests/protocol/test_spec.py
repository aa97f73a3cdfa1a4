"""The spec pages and the code say the same: frames, keys, words, bounds, link rows, limits, close codes."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from p2p.protocol import cells, frames, ids, limits, link, words
from p2p.protocol.errors import CLOSE_NAMES, BadFrame
from p2p.protocol.fields import MAX_REVISION, SDP_BYTES
from p2p.protocol.link import TRANSITIONS
from p2p.protocol.parts import Limits
from tests.protocol import spec_pages
from tests.protocol.example_frames import TO_PEER, TO_SERVER
from tests.protocol.vector_files import frame_text

DIRECTIONS = [
    pytest.param("Frames to the server", words.ToServer, frames.TO_SERVER, id="to server"),
    pytest.param("Frames to the peer", words.ToPeer, frames.TO_PEER, id="to peer"),
]


def spec_rows(heading: str) -> dict[str, dict[str, str]]:
    return {
        spec_pages.bare(kind): spec_pages.keys(keys)
        for kind, keys, _ in spec_pages.table("signaling", heading)
    }


@pytest.mark.parametrize(("heading", "enum", "kinds"), DIRECTIONS)
def test_frames_and_their_keys_are_those_of_the_page(heading: str, enum: Any, kinds: dict[str, Any]) -> None:
    code = {
        name: [field.name.rstrip("_") for field in fields(kind)] + ["pad"] * (kind in frames.PADDED)
        for name, kind in kinds.items()
    }

    assert {name: list(keys) for name, keys in spec_rows(heading).items()} == code
    assert list(spec_rows(heading)) == [word.value for word in enum] == list(code)


def accepts(frame: dict[str, Any], key: str, value: object) -> bool:
    """Whether a good frame stays good with another value under one key."""
    parse = frames.parse_to_server if frame["direction"] == "to server" else frames.parse_to_peer
    text = frame_text({"type": frame["type"], **frame["keys"], key: value})
    try:
        parse(text)
    except BadFrame:
        return False
    return True


def good_frames() -> Iterator[dict[str, Any]]:
    """One good frame of every type, with its keys as the page describes them."""
    for direction, heading, made in (
        ("to server", "Frames to the server", TO_SERVER),
        ("to peer", "Frames to the peer", TO_PEER),
    ):
        seen = set()
        for frame in made.values():
            keys = json.loads(frames.to_text(frame))
            kind = keys.pop("type")
            if kind not in seen:
                seen.add(kind)
                yield {"direction": direction, "type": kind, "keys": keys, "spec": spec_rows(heading)[kind]}


def bounds() -> Iterator[Any]:
    """Every key of a bounded type, with values in and out of its bounds."""
    for frame in good_frames():
        for key, kind in frame["spec"].items():
            good, bad = samples(kind)
            if good or bad:
                yield pytest.param(frame, key, good, bad, id=f"{frame['type']} {frame['direction']}: {key}")


def samples(kind: str) -> tuple[list[object], list[object]]:
    """Values a type as the page writes it must take, and must refuse."""
    nullable = kind.endswith("|null")
    good, bad = plain_samples(kind.removesuffix("|null"))
    if good or bad:
        (good if nullable else bad).append(None)
    return good, bad


def plain_samples(kind: str) -> tuple[list[object], list[object]]:
    if size := re.fullmatch(r"b64\((\d+)\)", kind):
        n = int(size.group(1))
        return [b64(n)], [b64(n - 1), b64(n + 1), ""]
    if many := re.fullmatch(r"\[b64\((≤?)(\d+)\)\](≤| exactly )(\d+)", kind):
        up_to, size_text, bound, count = many.groups()
        item, most, least = b64(int(size_text)), int(count), 0 if bound == "≤" else int(count)
        refused = [
            [item] * (most + 1),
            *([[item] * (least - 1)] if least else []),
            [b64(int(size_text) + 1)] * most,
        ]
        return [[item] * most, [item] * least], [*refused, *([[""] * most] if up_to else [])]
    if span := re.fullmatch(r"(\d+)\N{EN DASH}([\d^,-]+)", kind):
        low, high = map(spec_pages.number, span.groups())
        return [low, high], [low - 1, high + 1, str(low)]
    if kind == "uuid":
        return ["6f0c1f9e-1c7d-4c4b-9b1e-5a1d3a0a7c11"], ["6f0c1f9e-1c7d-4c4b-9b1e", 1]
    if kind == "bool":
        return [True, False], [0, "true"]
    return [], []


def b64(size: int) -> str:
    return base64.urlsafe_b64encode(bytes(size)).rstrip(b"=").decode()


@pytest.mark.parametrize(("frame", "key", "good", "bad"), list(bounds()))
def test_bounds_of_keys_are_those_of_the_page(
    frame: Any, key: str, good: list[object], bad: list[object]
) -> None:
    assert [value for value in good if not accepts(frame, key, value)] == []
    assert [value for value in bad if accepts(frame, key, value)] == []


@pytest.mark.parametrize(
    ("kind", "key", "enum"),
    [
        ("Frames to the server/ice_client", "nat", words.Nat),
        ("Frames to the peer/transaction_ended", "state", words.EndState),
        ("Frames to the peer/session_end", "cause", words.SessionEndCause),
    ],
)
def test_words_of_a_key_are_those_of_the_page(kind: str, key: str, enum: Any) -> None:
    heading, name = kind.split("/")

    assert spec_rows(heading)[name][key].split("|") == [word.value for word in enum]


def test_nested_keys_are_those_of_the_page() -> None:
    to_server, to_peer = spec_rows("Frames to the server"), spec_rows("Frames to the peer")
    order = re.search(r"\*\*Order\*\* \(`in` and `out`\): `\{(.*?)\}`", spec_pages.page("signaling"))
    assert order is not None

    assert nested(to_server["ice_client"]["offers"]) == keys_of("ice_client, stock and tickets", "offers", 0)
    assert nested(to_server["receipt"]["entries"]) == keys_of("receipt, one entry", "entries", 0)
    assert nested(to_server["receipt"]["credit"]) == keys_of("receipt, credit only", "credit")
    assert nested(to_peer["welcome"]["ice_servers"]) == keys_of(
        "welcome, resumed, with ICE servers", "ice_servers", 0
    )
    assert nested(to_peer["welcome"]["limits"]) == [field.name for field in fields(Limits)]
    for part in ("transactions", "conversations"):
        assert nested(to_peer["snapshot"][part]) == keys_of("snapshot, something of each", part, 0)
    assert list(spec_pages.keys(order.group(1))) == keys_of("ready_to_receive, both links new", "in")


def nested(kind: str) -> list[str]:
    return list(spec_pages.keys(kind[kind.index("{") + 1 : kind.rindex("}")]))


def keys_of(name: str, *way: str | int) -> list[str]:
    content = json.loads(
        frames.to_text(TO_PEER[name] if name in TO_PEER and name not in TO_SERVER else TO_SERVER[name])
    )
    for step in way:
        content = content[step]
    return list(content)


def test_causes_kinds_of_order_and_states_are_those_of_the_page() -> None:
    text = spec_pages.page("signaling")
    causes = re.search(r"\*\*Causes\*\*: (.*)\.", text)
    assert causes is not None
    how = [spec_pages.bare(row[0]) for row in spec_pages.table("signaling", "Frames to the peer", 1)]
    state = nested_type(spec_rows("Frames to the peer")["snapshot"]["transactions"], "state")

    assert spec_pages.bare(causes.group(1)).split(", ") == [cause.value for cause in words.Cause]
    assert how == [word.value for word in words.How]
    assert state.split("|") == [word.value for word in words.TransactionState]


def nested_type(kind: str, key: str) -> str:
    return spec_pages.keys(kind[kind.index("{") + 1 : kind.rindex("}")])[key]


def test_close_codes_are_those_of_the_page() -> None:
    rows = spec_pages.table("signaling", "Close codes")

    assert {int(code): spec_pages.bare(name) for code, name, _ in rows} == CLOSE_NAMES


def test_rows_of_the_link_table_are_those_of_the_page() -> None:
    rows = spec_pages.table("links", "States and events")

    assert [(state, event, after, commands) for state, event, after, commands in rows] == [
        (state.value, event.value, after.value, ", ".join(do.value for do in commands))
        for (state, event), (after, commands) in TRANSITIONS.items()
    ]


SAID: dict[str, list[tuple[str, float]]] = {
    "signaling": [
        (r"a frame over ([\d,]+) bytes", limits.FRAME_BYTES),
        (r"1\N{EN DASH}([\d,]+) as written in JSON", SDP_BYTES),
        (r"first frame must be `hello`, within (\d+) s", limits.HELLO_DEADLINE_S),
        (r"`ice_client` .* each (\d+) s, and at once", limits.HEARTBEAT_S),
        (r"`resume` is good for (\d+) s", limits.RESUME_S),
        (r"multiple of ([\d,]+) bytes", limits.FRAME_STEP_BYTES),
        (r"already \(at most ([\d,]+)\)", limits.MAX_WATCH),
        (r"over the rate: (\d+) a second", limits.FRAMES_PER_S),
        (r"a second, burst (\d+)", limits.FRAMES_BURST),
        (r"no `hello` within (\d+) s", limits.HELLO_DEADLINE_S),
        (r"\| over ([\d,]+) bytes \|", limits.FRAME_BYTES),
        (r"`revision`: 0\N{EN DASH}(2\^53-1)\}\]", MAX_REVISION),
        (r"`forwarders`: \[b64\(32\)\] exactly (\d)", limits.FORWARDERS),
        (r"`hops`: \[b64\(8\)\] exactly (\d)", limits.HOPS),
        (r"`sdp`\}\]≤(\d)", limits.MAX_OFFERS),
        (r"`tickets`: \[b64\(≤(\d+)\)\]", ids.TICKET_BYTES),
    ],
    "links": [
        (r"set-up deadline \| (\d) s", link.SET_UP_DEADLINE_S),
        (r"not confirmed by the other end \| (\d) s", link.CONFIRMED_WITHIN_S),
        (r"confirmed for (\d) s", link.CONFIRMED_WITHIN_S),
        (r"offers in stock \| (\d),", link.OFFER_STOCK),
        (r"offers in stock \| \d, with those for `offer_wanted` (\d) \|", limits.MAX_OFFERS),
        (r"age of an offer \| (\d+) s", link.OFFER_AGE_S),
        (r"age of an offer \| \d+ s, (\d+) s behind NAT", link.OFFER_AGE_BEHIND_NAT_S),
        (r"links of one peer \| (\d+)", link.MAX_LINKS),
        (r"before the first cell \| (\d+) s", link.FIRST_CELL_S),
        (r"(\d+) minutes without a cell", link.LINK_IDLE_S / 60),
        (r"in the last (\d+) minutes", (link.LINK_IDLE_S - link.FIRST_CELL_S) / 60),
    ],
    "cells": [
        (r"always ([\d,]+) bytes:", cells.LINK_FRAME_BYTES),
        (r"\| 8 \| ([\d,]+) \| cell", cells.CELL_BYTES),
        (r"innermost layer is always ([\d,]+) bytes", cells.PAYLOAD_BYTES),
        (r"count of fragments, 1 to ([\d,]+)", cells.MAX_FRAGMENTS),
        (r"length of the fragment, 1 to ([\d,]+)", cells.FRAGMENT_BYTES),
        (r"ceil\(n / ([\d,]+)\)", cells.FRAGMENT_BYTES),
        (r"at most (\d+) KiB", cells.MAX_ENVELOPE_BYTES / 1_024),
        (r"at most (\d+) cells of a stream before the first credit", cells.FIRST_WINDOW),
        (r"up to i \+ (\d+)", cells.WINDOW),
        (r"at most (\d+) cells of all streams", cells.FIRST_WINDOW),
        (r"and then at most (\d+)", cells.WINDOW),
        (r"at most (\d+) cells per link", cells.PENDING_CELLS),
        (r"for at most (\d) s, for hops", cells.PENDING_S),
        (r"at most (\d+) frames for a link", cells.QUEUED_FRAMES),
        (r"at most (\d+) for one hop id", cells.QUEUED_FRAMES_PER_HOP),
        (r"to (\d+) s from now with each cell", cells.HOP_IDLE_S),
        (r"to at most (\d+) s from its order", cells.HOP_LIFE_S),
        (r"at most (\d+) streams", cells.MAX_STREAMS),
        (r"(\d+) MiB of unfinished", cells.MAX_UNFINISHED_BYTES / 2**20),
        (r"over all hops at most (\d+) streams", cells.MAX_STREAMS_OF_ALL_HOPS),
        (r"over all hops at most \d+ streams and (\d+) MiB", cells.MAX_UNFINISHED_BYTES_OF_ALL_HOPS / 2**20),
        (r"at most (\d+) s after its last new\s+fragment", cells.STREAM_IDLE_S),
        (r"without a new fragment, if that is (\d+) s", cells.STALLED_S),
        (r"in units of (\d+) streams", cells.FAIR_STREAMS),
        (r"streams or of (\d+) KiB", cells.FAIR_ENVELOPES * cells.MAX_ENVELOPE_BYTES / 1_024),
        (r"of a stream with over (\d) fragments", cells.CREDIT_EVERY),
        (r"in steps of ([\d,]+) bytes", cells.FRAGMENT_BYTES),
    ],
}


@pytest.mark.parametrize(
    ("name", "pattern", "value"),
    [(name, pattern, value) for name, said in SAID.items() for pattern, value in said],
)
def test_numbers_of_the_page_are_those_of_the_code(name: str, pattern: str, value: float) -> None:
    said = re.search(pattern, spec_pages.page(name))

    assert said is not None, "the page does not say it in these words"
    assert spec_pages.number(said.group(1)) == value
