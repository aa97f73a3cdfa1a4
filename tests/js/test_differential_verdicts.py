"""Whatever comes in, page and agent give the same verdict: what one opens or refuses, the other does."""

import random
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.chromium import chromium
from tests.fuzz_edits import Good, edited
from tests.fuzzing import DRAWN_BYTES
from tests.peer_agent.crypto.test_envelopes_fuzz import ENVELOPES, GOOD_MESSAGES, HELD, PLAINTEXTS
from tests.peer_agent.crypto.vector_files import load
from tests.progress import Progress

from .differential import AgentSide, Answer, Call, PageSide
from .test_modules import ORIGIN, answer

TRIES, LONG_BLOCKS = 300, 300


def _raws(page: str, check: str, *sizes: int) -> list[Good]:
    return [Good.of(bytes.fromhex(case["raw"]), *sizes) for case in load(page, check)]


def _parsed(name: str, goods: list[Good]) -> Callable[[random.Random], Call]:
    def make(rng: random.Random) -> Call:
        return name, {"raw": _edited(rng, goods).hex()}

    return make


def _edited(rng: random.Random, goods: list[Good]) -> bytes:
    return edited(rng.choice(goods), rng.randbytes(DRAWN_BYTES))


def _of_a_session(rng: random.Random) -> Call:
    draws = [rng.randbytes(32).hex()]
    args = {"session": HELD.pack().hex(), "envelope": _edited(rng, GOOD_MESSAGES).hex(), "draws": draws}
    return "decrypt", args


def _cell(rng: random.Random) -> Call:
    case = rng.choice([each for each in load("onion", "peel") if each["expect"] == "ok"])
    good = Good.of(bytes.fromhex(case["cell"]), 32, 16)
    args: Answer = {"cell": _edited(rng, [good]).hex(), "hop_id": case["hop_id"], "private": case["current"]}
    return "peel", args


_LINES = [line for case in load("direct", "fingerprint") for line in case["description"]]
_SIGNS = [
    "\r",
    "\n",
    " ",
    ":",
    "\x0b",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2028",
    "\ufeff",
    "é",
    "0",
    "a",
    "İ",
    "\u017f",
]


def _description(rng: random.Random) -> Call:
    text = "\r\n".join(rng.choices(_LINES, k=rng.randrange(1, 4)))
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(_SIGNS) + text[at + rng.randrange(2) :]
    return "fingerprint", {"text": text}


MAKERS = {
    "message": _parsed("message", PLAINTEXTS),
    "envelope": _parsed("envelope", ENVELOPES),
    "session state": _parsed("session", _raws("handshake", "state", 1, 16, 32, 32, 1, 1, 32, 1)),
    "ratchet state": _parsed("ratchet", _raws("ratchet", "state", 1, 16, 32, 32, 32, 1, 32, 1, 32, 1)),
    "onion key": _parsed("onion_key", _raws("onion", "onion-key", 1, 16, 4, 32)),
    "envelope of a session": _of_a_session,
    "cell": _cell,
    "description": _description,
}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        opened = browser.new_page()
        opened.route("**/*", answer)
        opened.goto(f"{ORIGIN}/")
        yield opened


def _differences(page: Page, calls: list[Call]) -> list[tuple[Call, Answer, Answer]]:
    pairs = zip(calls, PageSide(page).answers(calls), AgentSide().answers(calls), strict=True)
    return [(call, one, other) for call, one, other in pairs if one != other]


@pytest.mark.parametrize("name", MAKERS)
def test_page_and_agent_give_the_same_verdict(page: Page, name: str) -> None:
    rng = random.Random(name)

    assert _differences(page, [MAKERS[name](rng) for _ in range(TRIES)]) == []


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", MAKERS)
def test_page_and_agent_give_the_same_verdict_for_long(page: Page, name: str) -> None:
    rng, progress = random.Random(f"{name} for long"), Progress(f"blocks of {TRIES}", LONG_BLOCKS)

    for _ in range(LONG_BLOCKS):
        assert _differences(page, [MAKERS[name](rng) for _ in range(TRIES)]) == []
        progress.advance()
