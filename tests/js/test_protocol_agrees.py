"""The page reads frames and puts fragments together as server and agent do: edited frames, random traces."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Page

from p2p.protocol import cells, fields, frames, ids, limits, link, words
from p2p.protocol.cells import (
    FRAGMENT_BYTES,
    MAX_STREAMS_OF_ALL_HOPS,
    MAX_UNFINISHED_BYTES_OF_ALL_HOPS,
    Fragment,
    Reassembler,
)
from p2p.protocol.errors import CLOSE_NAMES, ProtocolError
from p2p.protocol.ids import HopId, StreamId
from tests.fuzzing import DRAWN_BYTES
from tests.protocol.edited_frames import edited_frame

FRAMES, STEPS = 1_000, 3_000
PARSERS: dict[str, Callable[[str], frames.FrameToServer | frames.FrameToPeer]] = {
    "to_server": frames.parse_to_server,
    "to_peer": frames.parse_to_peer,
}
# As text, which passes into a page and out of it faster than values do.
ASK = """async ([what, asked]) => {
    const answers = await import("/tests/js/protocol/answers.js")
    return JSON.stringify(JSON.parse(asked).map(answers[what]))
}"""
NUMBERS = "async (path) => Object.entries(await import(path)).filter(([, each]) => typeof each === 'number')"

Step = dict[str, Any]


def ask(page: Page, what: str, asked: list[Any]) -> list[Any]:
    answers: list[Any] = json.loads(page.evaluate(ASK, [what, json.dumps(asked)]))
    return answers


def read(direction: str, text: str) -> str:
    try:
        return frames.to_text(PARSERS[direction](text))
    except ProtocolError as error:
        return error.name


@pytest.mark.parametrize("direction", PARSERS)
def test_page_and_server_read_the_same_frames(module_page: Page, direction: str) -> None:
    rng = random.Random(direction)
    asked = [(direction, edited_frame(direction, rng.randbytes(DRAWN_BYTES))) for _ in range(FRAMES)]

    answers = ask(module_page, "read", asked)

    assert answers == [read(*each) for each in asked]
    assert sum(answer.startswith("{") for answer in answers) > FRAMES // 50


@dataclass(frozen=True)
class Crowd:
    """So many hops with so many streams, of so many fragments each."""

    hops: int
    streams: int
    pause_s: float
    counts: tuple[int, ...] = (1, 2, 3, 9, 17, 20)


# One hop past its bounds; all hops past theirs, with streams that stand still and without; the same in bytes.
CROWDS = (
    Crowd(2, 90, 0.01),
    Crowd(40, 30, 0.0005),
    Crowd(41, 30, 0.01),
    Crowd(300, 9, 0.0005),
    Crowd(5, 12, 0.05),
    Crowd(60, 6, 0.0001, (20,)),
)


def make_trace(crowd: Crowd) -> list[Step]:
    """Fragments of many streams in any order, some twice and some that contradict what came."""
    rng = random.Random(crowd.hops)
    counts = [rng.choice(crowd.counts) for _ in range(crowd.streams)]
    now, trace = 0.0, list[Step]()
    for _ in range(STEPS):
        now += rng.choice([0.0, crowd.pause_s, 4 * crowd.pause_s])
        hop, stream = int(rng.triangular(0, crowd.hops, 0)), rng.randrange(crowd.streams)
        count = counts[stream] + (rng.random() < 0.02)
        index = rng.randrange(count)
        size = FRAGMENT_BYTES if index < count - 1 else 1 + stream
        fill = 1 + index + (rng.random() < 0.02)
        trace.append(
            {
                "now": now,
                "hop": hop,
                "stream": stream,
                "index": index,
                "count": count,
                "size": size,
                "fill": fill,
            }
        )
    return trace


def follow(trace: list[Step]) -> Iterator[list[Any]]:
    reassembler = Reassembler()
    for step in trace:
        stream = StreamId(step["stream"].to_bytes(8, "big"))
        fragment = Fragment(stream, step["index"], step["count"], bytes([step["fill"]]) * step["size"])
        result = taken(reassembler, fragment, now=step["now"], hop=HopId(step["hop"].to_bytes(8, "big")))
        yield [result, reassembler.unfinished_streams, reassembler.unfinished_bytes]


def taken(reassembler: Reassembler, fragment: Fragment, *, now: float, hop: HopId) -> list[Any] | str:
    try:
        progress = reassembler.add(fragment, now=now, hop=hop)
    except ProtocolError as error:
        return error.name
    whole = progress.envelope
    return [whole and [len(whole), *whole[::FRAGMENT_BYTES]], progress.credit_index]


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: f"{crowd.hops} hops")
def test_page_and_agent_put_the_same_envelopes_together(module_page: Page, crowd: Crowd) -> None:
    trace = make_trace(crowd)

    (answer,) = ask(module_page, "follow", [trace])

    assert answer == list(follow(trace))


def test_traces_lead_everywhere() -> None:
    steps = [step for crowd in CROWDS for step in follow(make_trace(crowd))]
    results = [result for result, _, _ in steps if result != "bad_cell"]

    assert len(results) < len(steps)
    assert any(whole for whole, _ in results)
    assert any(credit for _, credit in results)
    assert max(streams for _, streams, _ in steps) == MAX_STREAMS_OF_ALL_HOPS
    assert max(size for _, _, size in steps) > MAX_UNFINISHED_BYTES_OF_ALL_HOPS - FRAGMENT_BYTES


@pytest.mark.parametrize(
    ("script", "module"),
    [
        ("limits", limits),
        ("ids", ids),
        ("fields", fields),
        ("cells", cells),
        ("reassembly", cells),
        ("link", link),
    ],
)
def test_page_and_agent_have_the_same_numbers(module_page: Page, script: str, module: ModuleType) -> None:
    numbers = dict(module_page.evaluate(NUMBERS, f"/static/mesa/protocol/{script}.js"))

    assert numbers
    assert numbers == {name: getattr(module, name) for name in numbers}


def test_page_and_server_have_the_same_words(module_page: Page) -> None:
    found = module_page.evaluate("""async () => {
        const { CLOSE_NAMES } = await import("/static/mesa/protocol/errors.js")
        return [[...CLOSE_NAMES], { ...(await import("/static/mesa/protocol/words.js")) }]
    }""")

    assert dict(found[0]) == CLOSE_NAMES
    assert found[1] == {
        "NATS": list(words.Nat),
        "HOWS": list(words.How),
        "TRANSACTION_STATES": list(words.TransactionState),
        "END_STATES": list(words.EndState),
        "CAUSES": list(words.Cause),
        "SESSION_END_CAUSES": list(words.SessionEndCause),
    }
