"""Envelopes, posts and messages with errors of every sort: only what was sealed opens; nothing crashes."""

from peer_agent.crypto import sessions as s
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceKeys, Suite
from peer_agent.crypto.messages import Message
from peer_agent.crypto.sealing import open_post, seal_post
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzzing import edited, picked

from .cases.handshake import accept, begin, with_suite
from .cases.prekeys import ONE_TIME_KEM
from .people import BO
from .vector_files import Drawn, load

CLASSICAL = with_suite(BO.device, Suite.CLASSICAL)


def _first(bo: DeviceKeys) -> tuple[DeviceKeys, s.Session, bytes]:
    kem = ONE_TIME_KEM if bo.suite is Suite.HYBRID else None
    ada, envelope = begin(Drawn(f"fuzzed {bo.suite}"), kem, bo=bo).encrypt(b"hello", Drawn("first"))
    return bo, ada, envelope


FIRST = [_first(BO.device), _first(CLASSICAL)]


def _talk() -> tuple[s.Session, list[bytes]]:
    """A session of bo's, and messages of ada's that it can open."""
    bo, ada, envelope = FIRST[0]
    held = accept(envelope, Drawn("answer"), bo=bo).session
    messages = []
    for number in range(4):
        ada, message = ada.encrypt(b"more", Drawn(f"message {number}"))
        messages.append(message)
    return held, messages


HELD, MESSAGES = _talk()
ENVELOPES = [*(envelope for _, _, envelope in FIRST), *(each[-200:] for each in MESSAGES), *MESSAGES]
PLAINTEXTS = [
    bytes.fromhex(case["plaintext"]) for case in load("messages", "message") if case["expect"] == "ok"
]
POST = seal_post(BO.device.entry, FIRST[0][2])


def check_envelope(drawn: bytes) -> None:
    raw = edited(picked(ENVELOPES, drawn), drawn)
    try:
        envelope = s.Envelope.unpack(raw)
    except CryptoError:
        return
    assert envelope.pack() == raw


def check_message(drawn: bytes) -> None:
    raw = edited(picked(PLAINTEXTS, drawn), drawn)
    try:
        message = Message.unpack(raw)
    except CryptoError:
        return
    assert message.pack() == raw


def check_handshake(drawn: bytes) -> None:
    bo, _, good = picked(FIRST, drawn)
    raw = edited(good, drawn)
    try:
        accept(raw, Drawn("answer"), bo=bo)
    except CryptoError:
        return
    assert raw == good


def check_ratchet(drawn: bytes) -> None:
    good = picked(MESSAGES, drawn)
    raw = edited(good, drawn)
    try:
        HELD.decrypt(s.Envelope.unpack(raw))
    except CryptoError:
        return
    assert raw == good


def check_post(drawn: bytes) -> None:
    raw = edited(POST, drawn)
    try:
        open_post(BO.device, raw)
    except CryptoError:
        return
    assert raw == POST


# Ten thousand together in the short tier.
CASES = {
    "envelope": Fuzz(check_envelope, 4_000),
    "message": Fuzz(check_message, 3_000),
    "handshake": Fuzz(check_handshake, 1_000),
    "ratchet": Fuzz(check_ratchet, 1_500),
    "post": Fuzz(check_post, 500),
}


@fuzzed(CASES)
def test_nothing_opens_that_nobody_sealed(case: Fuzz) -> None:
    case.run()
