"""The page and the agent speak with each other, and judge the same inputs alike.

Spec: docs/spec/handshake.md, ratchet.md, messages.md, onion.md
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product

import pytest
from playwright.sync_api import Page

from p2p.protocol.cells import PAYLOAD_BYTES
from p2p.protocol.ids import HOP_ID_BYTES
from peer_agent.crypto import messages as m
from peer_agent.crypto.identity import DeviceKeys, Suite, create_device
from peer_agent.crypto.onion import LAYERS
from peer_agent.crypto.prekeys import PrekeyId, PrekeyKind, PrivatePrekey, create_prekey
from peer_agent.crypto.primitives import KEY_BYTES, SEAL_OVERHEAD_BYTES, X25519Private
from tests.peer_agent.crypto.people import DAY, NOW_MS
from tests.peer_agent.crypto.vector_files import flipped
from tests.progress import Progress

from .differential import AgentSide, PageSide, Side, ask

MESSAGES, LONG_MESSAGES = 200, 2_000
CELLS, SAME_STEPS = 25, 60
START_BYTES = SEAL_OVERHEAD_BYTES - 16
WAITING = 24


@pytest.fixture
def sides(page_for: Callable[[str], Page]) -> dict[str, Side]:
    return {"page": PageSide(page_for(__file__)), "agent": AgentSide()}


@dataclass
class End:
    """One end of a session: who computes for it, its state, and what is on its way to it."""

    side: Side
    session: str = ""
    waiting: list[tuple[str, str]] = field(default_factory=list)


def _keys(rng: random.Random, suite: Suite) -> tuple[DeviceKeys, list[PrivatePrekey]]:
    """A device, and the private halves of the prekeys it left with the server."""
    prekeys = [
        create_prekey(kind, PrekeyId(number), day=DAY, rng=rng.randbytes)
        for number, kind in enumerate(PrekeyKind, start=7)
    ]
    return replace(create_device(rng.randbytes), suite=suite), prekeys


def _connect(rng: random.Random, begins: Side, answers: Side, *suites: Suite) -> tuple[End, End]:
    """Begin a session with a first message, which is taken up."""
    (ada, _), (bo, prekeys) = (_keys(rng, suite) for suite in suites)
    public = {each.kind: each.public(bo).pack().hex() for each in prekeys}
    bundle = {
        "entry": bo.entry.pack().hex(),
        "signed": public[PrekeyKind.SIGNED],
        "kem": public[rng.choice((PrekeyKind.ONE_TIME_KEM, PrekeyKind.LAST_RESORT_KEM))],
        "one_time": rng.choice((public[PrekeyKind.ONE_TIME], None)),
    }
    known = {"keys": ada.pack().hex(), "suite": int(ada.suite), "today": DAY, "now_ms": NOW_MS}
    begun = ask(begins, "begin", **known, **bundle)
    text = _plaintext(rng)
    sent = ask(begins, "encrypt", session=begun["session"], plaintext=text, draws=None)
    held = {"keys": bo.pack().hex(), "suite": int(bo.suite), "now_ms": NOW_MS, "draws": None}
    private = [each.pack().hex() for each in prekeys]
    taken = ask(answers, "accept", **held, prekeys=private, envelope=sent["envelope"])
    assert taken["plaintext"] == text
    return End(begins, sent["session"]), End(answers, taken["session"])


def _plaintext(rng: random.Random) -> str:
    """A message of whatever kind, packed."""
    contents: tuple[m.Content, ...] = (
        m.Text("Labas 🦢" * rng.randrange(1, 200)),
        m.ContactRequest(rng.randbytes(300), m.DeliveryToken(rng.randbytes(32)), "\ufeffsveiki"),
        m.ContactAccept(rng.randbytes(90), m.DeliveryToken(rng.randbytes(32))),
        m.SessionReset(),
        m.DirectAccept(rng.randbytes(32), rng.randbytes(32)),
        m.UnknownKind(rng.randrange(8, 256), rng.randbytes(rng.randrange(50))),
    )
    seen = tuple(m.MessageId(rng.randbytes(16)) for _ in range(rng.randrange(9)))
    now_ms = rng.randrange(2**64)
    return m.create_message(rng.choice(contents), now_ms=now_ms, seen=seen, rng=rng.randbytes).pack().hex()


class Traffic:
    """Messages between two ends, some of which are late, lost, doubled or changed."""

    def __init__(self, ends: tuple[End, End], rng: random.Random) -> None:
        self.ends = ends
        self._rng = rng
        self.opened = 0

    def step(self) -> None:
        here, there = self._rng.sample(self.ends, 2)
        if len(there.waiting) < WAITING and self._rng.random() < 0.6:
            self._send(here, there)
        elif here.waiting:
            envelope, text = here.waiting.pop(self._rng.randrange(len(here.waiting)))
            if self._rng.random() < 0.9:
                self._take(here, envelope, text)

    def _send(self, here: End, there: End) -> None:
        text = _plaintext(self._rng)
        sent = ask(here.side, "encrypt", session=here.session, plaintext=text, draws=None)
        here.session = sent["session"]
        there.waiting.append((sent["envelope"], text))

    def _take(self, here: End, envelope: str, text: str) -> None:
        if self._rng.random() < 0.2:
            raw = bytes.fromhex(envelope)
            changed = flipped(raw, self._rng.randrange(len(raw)), self._rng.randrange(8)).hex()
            refused = ask(here.side, "decrypt", session=here.session, envelope=changed, draws=None)
            assert "refused" in refused
        taken = ask(here.side, "decrypt", session=here.session, envelope=envelope, draws=None)
        assert taken["plaintext"] == text
        assert ask(here.side, "message", raw=text) == {"packed": text}
        here.session = taken["session"]
        self.opened += 1
        again = ask(here.side, "decrypt", session=here.session, envelope=envelope, draws=None)
        assert again["refused"] in ("replayed", "not-opened")


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize(("begins", "answers"), [("page", "agent"), ("agent", "page")])
def test_page_and_agent_understand_each_other(
    sides: dict[str, Side], begins: str, answers: str, suite: Suite
) -> None:
    rng = random.Random(f"{begins} {suite}")
    traffic = Traffic(_connect(rng, sides[begins], sides[answers], suite, suite), rng)

    while traffic.opened < MESSAGES:
        traffic.step()


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("suites", [*product(Suite, Suite)])
@pytest.mark.parametrize(("begins", "answers"), [("page", "agent"), ("agent", "page")])
def test_page_and_agent_understand_each_other_for_long(
    sides: dict[str, Side], begins: str, answers: str, suites: tuple[Suite, Suite]
) -> None:
    rng = random.Random(f"{begins} {suites}")
    traffic = Traffic(_connect(rng, sides[begins], sides[answers], *suites), rng)
    progress = Progress("messages", LONG_MESSAGES)

    while traffic.opened < LONG_MESSAGES:
        before = traffic.opened
        traffic.step()
        if traffic.opened > before:
            progress.advance()


def test_from_the_same_state_and_draws_both_make_the_same_bytes(sides: dict[str, Side]) -> None:
    """So a profile's state means the same wherever it is read, and nothing is left to an implementation."""
    rng = random.Random("the same")
    ends = _connect(rng, sides["page"], sides["agent"], Suite.HYBRID, Suite.CLASSICAL)

    for _ in range(SAME_STEPS):
        here, there = rng.sample(ends, 2)
        if rng.random() < 0.6 or not here.waiting:
            draws = [rng.randbytes(START_BYTES).hex()]
            text = _plaintext(rng)
            args = {"session": here.session, "plaintext": text, "draws": draws}
            made, other = (ask(side, "encrypt", **args) for side in sides.values())
            there.waiting.append((made["envelope"], text))
        else:
            envelope, _ = here.waiting.pop(rng.randrange(len(here.waiting)))
            draws = [rng.randbytes(KEY_BYTES).hex()]
            args = {"session": here.session, "envelope": envelope, "draws": draws}
            made, other = (ask(side, "decrypt", **args) for side in sides.values())
        assert made == other
        here.session = made["session"]


def test_cells_of_either_are_peeled_by_either(sides: dict[str, Side]) -> None:
    rng = random.Random("cells")

    for _ in range(CELLS):
        own = [X25519Private.generate(rng.randbytes) for _ in range(LAYERS)]
        ids = [rng.randbytes(HOP_ID_BYTES).hex() for _ in own]
        hops = [{"key": key.public.raw.hex(), "hop_id": hop_id} for key, hop_id in zip(own, ids, strict=True)]
        payload, draws = rng.randbytes(PAYLOAD_BYTES).hex(), [rng.randbytes(KEY_BYTES).hex() for _ in own]
        wrapped, other = (
            ask(side, "wrap", hops=hops, payload=payload, draws=draws) for side in sides.values()
        )
        assert wrapped == other

        rest = ask(rng.choice([*sides.values()]), "wrap", hops=hops, payload=payload, draws=None)["cell"]
        for key, hop_id in zip(own, ids, strict=True):
            args = {"cell": rest, "hop_id": hop_id, "private": key.raw.hex()}
            peeled, again = (ask(side, "peel", **args) for side in sides.values())
            assert peeled == again
            rest = peeled["rest"]
        assert (peeled["command"], rest) == ("deliver", payload)
