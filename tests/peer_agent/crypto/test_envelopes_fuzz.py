"""Envelopes, posts and messages with errors of every sort: only what was sealed opens; nothing crashes."""

from peer_agent.crypto import sessions as s
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceKeys, Suite
from peer_agent.crypto.messages import Message
from peer_agent.crypto.primitives import SealKey, derive, hpke_seal, seal
from peer_agent.crypto.sealing import open_post, seal_post
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzz_edits import Good, edited, how, picked

from .cases.handshake import accept, begin, with_suite
from .cases.prekeys import ONE_TIME_KEM
from .people import BO
from .second_reader import is_envelope, is_message, is_post
from .vector_files import Drawn, load

First = tuple[DeviceKeys, bytes]

_HANDSHAKE = (1, 1, 16, 32, 32, 1, 32, 4, 4, 1, 4, 1_088)
_RATCHET_HEADER = (1, 32, 4, 4)
_PREVIOUS_AT = 33
_RATCHET = (16, *_RATCHET_HEADER, 12)
CLASSICAL = with_suite(BO.device, Suite.CLASSICAL)


def _first(bo: DeviceKeys) -> tuple[DeviceKeys, s.Session, bytes]:
    kem = ONE_TIME_KEM if bo.suite is Suite.HYBRID else None
    ada, envelope = begin(Drawn(f"fuzzed {bo.suite}"), kem, bo=bo).encrypt(b"hello", Drawn("first"))
    return bo, ada, envelope


FIRST = [_first(BO.device), _first(CLASSICAL)]


def _talk() -> tuple[s.Session, list[bytes], list[SealKey]]:
    """A session of bo's, messages of ada's that it can open, and their keys."""
    bo, ada, envelope = FIRST[0]
    held = accept(envelope, Drawn("answer"), bo=bo).session
    messages, keys = [], []
    for number in range(4):
        assert ada.ratchet.sending is not None
        out = derive(b"\x01", "ratchet-chain", size=64, chained=ada.ratchet.sending)
        keys.append(SealKey(out[32:]))
        ada, message = ada.encrypt(b"more", Drawn(f"message {number}"))
        messages.append(message)
    return held, messages, keys


HELD, MESSAGES, KEYS = _talk()
# Those without the handshake header, which bo would get after an answer.
_BARE = [b"\x02" + each[1 + sum(_HANDSHAKE) :] for each in MESSAGES]
GOOD_FIRST = [Good.of(envelope, 1, *_HANDSHAKE, *_RATCHET) for _, _, envelope in FIRST]
GOOD_MESSAGES = [
    *(Good.of(each, 1, *_HANDSHAKE, *_RATCHET) for each in MESSAGES),
    *(Good.of(each, 1, *_RATCHET) for each in _BARE),
]
GOOD_HEADERS = [Good.of(each[17:58], *_RATCHET_HEADER) for each in _BARE]
# Also those that one rule refuses.
PLAINTEXTS = [
    Good.of(raw, 1, 1, 16, 8, 32, 1, 16 * int.from_bytes(raw[58:59], "big"), 4, 2)
    for raw in (bytes.fromhex(case["plaintext"]) for case in load("messages", "message"))
]
ENVELOPES = [
    *(*GOOD_FIRST, *GOOD_MESSAGES),
    *(
        Good.of(bytes.fromhex(case["envelope"]), 1, *_HANDSHAKE, *_RATCHET)
        for case in load("handshake", "respond")
    ),
]
POST = Good.of(seal_post(BO.device.entry, FIRST[0][2]), 1, 32)


def _inside(size: int, steps: int) -> Good:
    return Good.of((size.to_bytes(4, "big") + b"e" * size).ljust(4_096 * steps, b"\0"), 4, size)


# The last one has a step too many.
_INSIDES = ((1, 1), (100, 1), (4_091, 1), (4_092, 1), (4_093, 2), (9_000, 3), (4_092, 2))
GOOD_INSIDES = [_inside(size, steps) for size, steps in _INSIDES]


def check_envelope(raw: bytes) -> None:
    try:
        envelope = s.Envelope.unpack(raw)
    except CryptoError:
        assert not is_envelope(raw)
        return
    assert is_envelope(raw)
    assert envelope.pack() == raw


def check_message(raw: bytes) -> None:
    try:
        message = Message.unpack(raw)
    except CryptoError:
        assert not is_message(raw)
        return
    assert is_message(raw)
    assert message.pack() == raw


def first(drawn: bytes) -> tuple[int, bytes]:
    number = drawn[0] % len(FIRST)
    return number, edited(GOOD_FIRST[number], drawn, keep_size=bool(how(drawn, 2)))


def check_handshake(made: tuple[int, bytes]) -> None:
    number, raw = made
    bo, _, good = FIRST[number]
    try:
        accept(raw, Drawn("answer"), bo=bo)
    except CryptoError:
        assert raw != good
        return
    assert raw == good


def check_ratchet(raw: bytes) -> None:
    goods = (*MESSAGES, *_BARE)
    try:
        HELD.decrypt(s.Envelope.unpack(raw))
    except CryptoError:
        assert raw not in goods
        return
    assert raw in goods


def header(drawn: bytes) -> tuple[int, bytes]:
    """What ada may put before a message that she seals as she should, and the number of its key."""
    raw = edited(picked(GOOD_HEADERS, drawn), drawn, keep_size=how(drawn, 8) != 0)
    if how(drawn, 2):
        raw = raw[:_PREVIOUS_AT] + drawn[-4:] + raw[_PREVIOUS_AT + 4 :]
    return drawn[1] % len(KEYS), raw


def check_header(made: tuple[int, bytes]) -> None:
    number, raw = made
    session_id, bound = HELD.session_id, b"mesa/ratchet/1\x00" + HELD.ratchet.bound
    sealed = seal(KEYS[number], b"more", bound + session_id + raw, Drawn("header"))
    # How long the chain before was means nothing in the first one.
    good = GOOD_HEADERS[number].raw
    is_good = (len(raw), raw[:33], raw[37:]) == (len(good), good[:33], good[37:])
    try:
        _, plaintext = HELD.decrypt(s.Envelope.unpack(b"\x02" + session_id + raw + sealed))
    except CryptoError:
        assert not is_good
        return
    assert is_good
    assert plaintext == b"more"


def check_post(raw: bytes) -> None:
    try:
        envelope = open_post(BO.device, raw)
    except CryptoError:
        assert raw != POST.raw
        return
    assert (raw, envelope) == (POST.raw, FIRST[0][2])


def inside(drawn: bytes) -> bytes:
    """What somebody may seal for bo."""
    return edited(picked(GOOD_INSIDES, drawn), drawn, keep_size=how(drawn, 4) != 0)


def check_inside(plaintext: bytes) -> None:
    post = b"\x01" + hpke_seal(BO.device.agreement.public, "sealed", BO.device.device_id, plaintext)
    try:
        envelope = open_post(BO.device, post)
    except CryptoError:
        assert not is_post(plaintext)
        return
    assert is_post(plaintext)
    assert envelope == plaintext[4 : 4 + int.from_bytes(plaintext[:4], "big")]


CASES = {
    "envelope": Fuzz(
        lambda drawn: edited(picked(ENVELOPES, drawn), drawn, keep_size=how(drawn, 2) == 0),
        check_envelope,
    ),
    "message": Fuzz(
        lambda drawn: edited(picked(PLAINTEXTS, drawn), drawn, keep_size=how(drawn, 2) == 0), check_message
    ),
    "handshake": Fuzz(first, check_handshake, 4_000),
    "ratchet": Fuzz(
        lambda drawn: edited(picked(GOOD_MESSAGES, drawn), drawn, keep_size=how(drawn, 2) == 0), check_ratchet
    ),
    "header": Fuzz(header, check_header),
    "post": Fuzz(lambda drawn: edited(POST, drawn, keep_size=how(drawn, 2) == 0), check_post),
    "inside a post": Fuzz(inside, check_inside, 6_000),
}


@fuzzed(CASES)
def test_nothing_opens_that_nobody_sealed(case: Fuzz) -> None:
    case.run()
