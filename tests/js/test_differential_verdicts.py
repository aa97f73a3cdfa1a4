"""Whatever comes in, page and agent give the same verdict: what one opens or refuses, the other does."""

import random
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.fuzz_edits import Good, edited
from tests.fuzzing import DRAWN_BYTES
from tests.peer_agent.crypto.people import NOW_MS
from tests.peer_agent.crypto.vector_files import load
from tests.progress import Progress

from .differential import AgentSide, Answer, Call, PageSide

OpenPage = Callable[[str], Page]

TRIES, LONG_BLOCKS = 300, 300
_RATCHET = (16, 1, 32, 4, 4, 12)
_INITIAL = (1, 1, 1, 16, 32, 32, 1, 32, 4, 4, 1, 4, 1_088, *_RATCHET)


def _given(page: str, check: str, name: str, *sizes: int) -> list[Good]:
    return [Good.of(bytes.fromhex(case[name]), *sizes) for case in load(page, check)]


def _parsed(name: str, goods: list[Good]) -> Callable[[random.Random], Call]:
    def make(rng: random.Random) -> Call:
        return name, {"raw": _edited(rng, goods).hex()}

    return make


def _edited(rng: random.Random, goods: list[Good]) -> bytes:
    return edited(rng.choice(goods), rng.randbytes(DRAWN_BYTES))


_FIRST = load("handshake", "respond")
_TALKS = load("handshake", "session")


def _first(rng: random.Random) -> Call:
    case = rng.choice(_FIRST)
    envelope = _edited(rng, [_envelope(case["envelope"])]).hex()
    held = {"keys": case["device_keys"], "suite": case["suite"], "prekeys": case["prekeys"]}
    return "accept", held | {"envelope": envelope, "now_ms": NOW_MS, "draws": [rng.randbytes(32).hex()]}


def _of_a_session(rng: random.Random) -> Call:
    talk = rng.choice(_TALKS)
    envelopes = [step["envelope"] for step in talk["steps"] if step["do"] == "decrypt"]
    goods = [_envelope(each) for each in envelopes]
    session, draws = talk[rng.choice(("ada_session", "bo_session"))], [rng.randbytes(32).hex()]
    return "decrypt", {"session": session, "envelope": _edited(rng, goods).hex(), "draws": draws}


def _envelope(raw: str) -> Good:
    whole = bytes.fromhex(raw)
    return Good.of(whole, *(_INITIAL if whole[:1] == b"\x01" else (1, *_RATCHET)))


def _cell(rng: random.Random) -> Call:
    case = rng.choice([each for each in load("onion", "peel") if each["expect"] == "ok"])
    good = Good.of(bytes.fromhex(case["cell"]), 32, 16)
    args: Answer = {"cell": _edited(rng, [good]).hex(), "hop_id": case["hop_id"], "private": case["current"]}
    return "peel", args


_LINES = [line for case in load("direct", "fingerprint") for line in case["description"]]
_SIGNS = "\r\n :\x0b\x0c\x1c\x1f\x85\xa0\u2028\ufeffé0aİ\u017f"


def _description(rng: random.Random) -> Call:
    text = "\r\n".join(rng.choices(_LINES, k=rng.randrange(1, 4)))
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(_SIGNS) + text[at + rng.randrange(2) :]
    return "fingerprint", {"text": text}


MAKERS = {
    "message": _parsed("message", _given("messages", "message", "plaintext", 1, 1, 16, 8, 32, 1, 4)),
    "envelope": _parsed("envelope", [_envelope(case["envelope"]) for case in _FIRST]),
    "session state": _parsed("session", _given("handshake", "state", "raw", 1, 16, 32, 32, 1, 1, 32, 1)),
    "ratchet state": _parsed("ratchet", _given("ratchet", "state", "raw", 1, 16, 32, 32, 32, 1, 32, 1)),
    "onion key": _parsed("onion_key", _given("onion", "onion-key", "raw", 1, 16, 4, 32)),
    "first envelope": _first,
    "envelope of a session": _of_a_session,
    "cell": _cell,
    "description": _description,
}


def _differences(page: Page, calls: list[Call]) -> list[tuple[Call, Answer, Answer]]:
    pairs = zip(calls, PageSide(page).answers(calls), AgentSide().answers(calls), strict=True)
    return [(call, one, other) for call, one, other in pairs if one != other]


@pytest.mark.parametrize("name", MAKERS)
def test_page_and_agent_give_the_same_verdict(page_for: OpenPage, name: str) -> None:
    rng = random.Random(name)

    assert _differences(page_for(__file__), [MAKERS[name](rng) for _ in range(TRIES)]) == []


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", MAKERS)
def test_page_and_agent_give_the_same_verdict_for_long(page_for: OpenPage, name: str) -> None:
    rng, progress = random.Random(f"{name} for long"), Progress(f"blocks of {TRIES}", LONG_BLOCKS)

    for _ in range(LONG_BLOCKS):
        assert _differences(page_for(__file__), [MAKERS[name](rng) for _ in range(TRIES)]) == []
        progress.advance()
