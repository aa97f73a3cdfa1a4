import json
import re
from itertools import product

import pytest

from p2p.protocol import frames
from p2p.protocol.cells import (
    LONE_HOP,
    Fragment,
    LinkFrame,
    Reassembler,
    direct_cell,
    direct_payload,
    fragments,
)
from p2p.protocol.errors import CellError, ProtocolError, UnexpectedEvent
from p2p.protocol.ids import HopId, StreamId
from p2p.protocol.link import TRANSITIONS, Link, LinkEvent, LinkState
from tests.protocol.make_vectors import file_texts
from tests.protocol.vector_files import VECTORS, Case, bytes_from_parts, from_parts, load

PARSERS = {"to_server": frames.parse_to_server, "to_peer": frames.parse_to_peer}


def named(page: str, check: str) -> list[object]:
    return [pytest.param(case, id=case["name"]) for case in load(page, check)]


@pytest.mark.parametrize("page", ["signaling", "cells", "links"])
def test_committed_vectors_are_what_the_generator_writes(page: str) -> None:
    assert (VECTORS / f"{page}.json").read_text() == file_texts()[page]


@pytest.mark.parametrize("case", named("signaling", "frame"))
def test_frame(case: Case) -> None:
    text, parse = from_parts(case["text"]), PARSERS[case["direction"]]

    if case["expect"] == "ok":
        assert json.loads(frames.to_text(parse(text))) == json.loads(text)
    else:
        with pytest.raises(ProtocolError) as refused:
            parse(text)
        assert refused.value.name == case["expect"]


@pytest.mark.parametrize(
    ("direction", "kinds"), [("to_server", frames.TO_SERVER), ("to_peer", frames.TO_PEER)]
)
def test_every_type_of_frame_has_a_good_case(direction: str, kinds: dict[str, object]) -> None:
    cases = [case for case in load("signaling", "frame") if case["direction"] == direction]

    good = {json.loads(from_parts(case["text"]))["type"] for case in cases if case["expect"] == "ok"}

    assert good == set(kinds)


@pytest.mark.parametrize("case", named("cells", "link-frame"))
def test_link_frame(case: Case) -> None:
    raw = bytes_from_parts(case["raw"])

    if case["expect"] == "ok":
        frame = LinkFrame.unpack(raw)
        assert (frame.hop.hex(), frame.cell) == (case["hop"], bytes_from_parts(case["cell"]))
        assert frame.pack() == raw
    else:
        with pytest.raises(CellError):
            LinkFrame.unpack(raw)


@pytest.mark.parametrize("case", named("cells", "payload"))
def test_payload(case: Case) -> None:
    raw = bytes_from_parts(case["raw"])

    if case["expect"] == "ok":
        fragment = Fragment.unpack(raw)
        assert (fragment.stream.hex(), fragment.index, fragment.count) == (
            case["stream"],
            case["index"],
            case["count"],
        )
        assert fragment.body == bytes_from_parts(case["body"])
        assert fragment.pack() == raw
    else:
        with pytest.raises(CellError):
            Fragment.unpack(raw)


@pytest.mark.parametrize("case", named("cells", "direct-cell"))
def test_direct_cell(case: Case) -> None:
    raw = bytes_from_parts(case["raw"])

    if case["expect"] == "ok":
        assert direct_payload(raw) == bytes_from_parts(case["payload"])
        assert direct_cell(direct_payload(raw)) == raw
    else:
        with pytest.raises(CellError):
            direct_payload(raw)


@pytest.mark.parametrize("case", named("cells", "fragments"))
def test_fragments(case: Case) -> None:
    envelope, stream = bytes_from_parts(case["envelope"]), StreamId(bytes.fromhex(case["stream"]))

    if case["expect"] == "ok":
        packed = [fragment.pack() for fragment in fragments(envelope, stream)]
        assert packed == [bytes_from_parts(payload) for payload in case["payloads"]]
    else:
        with pytest.raises(CellError):
            next(fragments(envelope, stream))


@pytest.mark.parametrize("case", named("cells", "reassembly"))
def test_reassembly(case: Case) -> None:
    reassembler = Reassembler()
    for step in case["steps"]:
        assert took(reassembler, step) == {key: step[key] for key in step.keys() - {"payload", "now", "hop"}}


def took(reassembler: Reassembler, step: Case) -> Case:
    """Take one step's payload; what came of it, in the words of the vectors."""
    hop = HopId(bytes.fromhex(step["hop"])) if "hop" in step else LONE_HOP
    try:
        fragment = Fragment.unpack(bytes_from_parts(step["payload"]))
        progress = reassembler.add(fragment, now=step["now"], hop=hop)
    except CellError:
        return {"result": "bad_cell"}
    found: Case = {"result": "ok"}
    if progress.envelope is not None:
        found["envelope"] = step.get("envelope")
        assert bytes_from_parts(step["envelope"]) == progress.envelope
    if progress.credit_index is not None:
        found["credit"] = progress.credit_index
    return found


@pytest.mark.parametrize("case", named("links", "trace"))
def test_link_trace(case: Case) -> None:
    link = Link(LinkState(case["start"]))
    *before, last = case["steps"]
    if case["expect"] == "ok":
        before.append(last)

    for step in before:
        assert [do.value for do in link.receive(LinkEvent(step["event"]))] == step["commands"]
        assert link.state == step["state"]
    if case["expect"] == "unexpected_event":
        with pytest.raises(UnexpectedEvent):
            link.receive(LinkEvent(last["event"]))
        assert link.state == last["state"]


def test_every_pair_of_state_and_event_has_a_trace() -> None:
    tried = {
        (case["start"], case["steps"][0]["event"]): case["expect"]
        for case in load("links", "trace")
        if len(case["steps"]) == 1
    }

    assert tried == {
        (state.value, event.value): "ok" if (state, event) in TRANSITIONS else "unexpected_event"
        for state, event in product(LinkState, LinkEvent)
    }


def test_every_reject_rule_of_the_receiver_has_a_failing_payload() -> None:
    """The page's list of reasons, each with the words its case is known by."""
    page = (VECTORS.parent / "cells.md").read_text()
    rules = re.search(r"\* Reject: (.*?)\. A rejected fragment", page, re.DOTALL)
    assert rules is not None
    cases = {
        "index ≥ count": "refused payload: index equal to count",
        "length 0 or over 3,826": "refused payload: length over the room",
        "a fragment that is not full before the last": "refused payload: not full before the last",
        "non-zero padding": "refused payload: padding not zero, first byte",
        "another count than the stream's first": "reassembly: another count than the stream's first",
        "a second fragment with the same index and other bytes": (
            "reassembly: other bytes under the same index"
        ),
    }

    assert [" ".join(rule.split()) for rule in rules.group(1).split(", ")] == list(cases)
    names = {case["name"] for check in ("payload", "reassembly") for case in load("cells", check)}
    assert set(cases.values()) <= names
