"""Vectors of docs/spec/handshake.md."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from peer_agent.crypto import sessions as s
from peer_agent.crypto.handshake import InitialHeader
from peer_agent.crypto.identity import DeviceKeys, Suite
from peer_agent.crypto.prekeys import Bundle, PrekeyId, PrekeyKind, PrivatePrekey, verify_bundle
from peer_agent.crypto.primitives import KemPublic, X25519Private, derive, sha256

from ..people import ADA, BO, DAY, MALLORY, NOW_MS
from ..vector_files import Case, Drawn, flipped, verdict
from .prekeys import ALL, LAST_RESORT, ONE_TIME, ONE_TIME_KEM, SIGNED

# `cryptography` draws the randomness of ML-KEM itself, so what it once made for bo is kept in a file.
_MADE = json.loads((Path(__file__).parent / "encapsulations.json").read_text())


def kept_encapsulation(key: KemPublic) -> tuple[bytes, bytes]:
    """Secret and ciphertext for one of bo's ML-KEM keys, the same every time."""
    kind = LAST_RESORT.kind if key == LAST_RESORT.key.public else ONE_TIME_KEM.kind
    made = _MADE[kind.name]
    return bytes.fromhex(made["secret"]), bytes.fromhex(made["ciphertext"])


def find(kind: PrekeyKind, prekey_id: PrekeyId) -> PrivatePrekey | None:
    """Look among the private prekeys of bo."""
    return next((each for each in ALL if (each.kind, each.prekey_id) == (kind, prekey_id)), None)


def bundle_of_bo(
    kem: PrivatePrekey | None = ONE_TIME_KEM,
    one_time: PrivatePrekey | None = ONE_TIME,
    bo: DeviceKeys = BO.device,
) -> Bundle:
    return verify_bundle(bo.entry, SIGNED.public(bo).pack(), _packed(kem), _packed(one_time), today=DAY)


def _packed(prekey: PrivatePrekey | None) -> bytes | None:
    return None if prekey is None else prekey.public(BO.device).pack()


def with_suite(device: DeviceKeys, suite: Suite) -> DeviceKeys:
    return replace(device, suite=suite)


def begin(
    rng: Drawn,
    kem: PrivatePrekey | None = ONE_TIME_KEM,
    one_time: PrivatePrekey | None = ONE_TIME,
    *,
    ada: DeviceKeys = ADA.device,
    bo: DeviceKeys = BO.device,
) -> s.Session:
    """ada begins a session with bo."""
    bundle = bundle_of_bo(kem, one_time, bo)
    return s.begin_session(ada, bundle, now_ms=NOW_MS, rng=rng, encapsulate=kept_encapsulation)


def accept(envelope: bytes, rng: Drawn, *, bo: DeviceKeys = BO.device) -> s.Accepted:
    """Bo takes up a session."""
    return s.accept_session(bo, s.Envelope.unpack(envelope), find, now_ms=NOW_MS, rng=rng)


def secret_by_the_page(header: InitialHeader, transcript: bytes, ephemeral: X25519Private) -> bytes:
    """The key schedule once more, from ada's side and with nothing of handshake.py."""
    assert isinstance(SIGNED.key, X25519Private)
    parts = [
        ADA.device.agreement.exchange(SIGNED.key.public),
        ephemeral.exchange(BO.device.agreement.public),
        ephemeral.exchange(SIGNED.key.public),
    ]
    if header.one_time_id:
        assert isinstance(ONE_TIME.key, X25519Private)
        parts.append(ephemeral.exchange(ONE_TIME.key.public))
    if header.kem is not None:
        parts.append(kept_encapsulation(_kem_key(header))[0])
    return derive(b"\xff" * 32 + b"".join(parts), "handshake", transcript)


def transcript_by_the_page(header: InitialHeader, session_id: bytes, bo: DeviceKeys) -> bytes:
    """The transcript once more, with nothing of handshake.py."""
    one_time = ONE_TIME.key.public.raw if header.one_time_id else bytes(32)
    start = b"mesa/transcript/1\x00" + header.pack() + session_id
    kem = bytes(32) if header.kem is None else sha256(_kem_key(header).raw)
    return sha256(start + bo.entry.pack() + SIGNED.key.public.raw + one_time + kem)


def _kem_key(header: InitialHeader) -> KemPublic:
    """The key that a header of suite 1 names."""
    assert header.kem is not None
    kem = find(header.kem.kind, header.kem.prekey_id)
    assert kem is not None
    assert isinstance(kem.key.public, KemPublic)
    return kem.key.public


@dataclass(frozen=True)
class _Kind:
    """A handshake that works."""

    name: str
    kem: PrivatePrekey | None
    one_time: PrivatePrekey | None
    ada_suite: Suite = Suite.HYBRID
    bo_suite: Suite = Suite.HYBRID


_KINDS = (
    _Kind("all one-time keys", ONE_TIME_KEM, ONE_TIME),
    _Kind("no one-time X25519 key", ONE_TIME_KEM, None),
    _Kind("a first contact", LAST_RESORT, None),
    _Kind("suite 2 at both ends", None, ONE_TIME, Suite.CLASSICAL, Suite.CLASSICAL),
    _Kind("suite 2 of the initiator", ONE_TIME_KEM, ONE_TIME, Suite.CLASSICAL),
    _Kind("suite 2 of the responder, a first contact", None, None, bo_suite=Suite.CLASSICAL),
    _Kind("a KEM key of a suite 2 device", LAST_RESORT, ONE_TIME, bo_suite=Suite.CLASSICAL),
)


def _good(kind: _Kind) -> tuple[Case, Case]:
    name, rng = kind.name, Drawn(f"handshake with {kind.name}")
    ada, bo = with_suite(ADA.device, kind.ada_suite), with_suite(BO.device, kind.bo_suite)
    begun = begin(rng, kind.kem, kind.one_time, ada=ada, bo=bo)
    session, envelope = begun.encrypt(b"hello bo", rng)
    header = session.header
    assert header is not None
    transcript = transcript_by_the_page(header, session.session_id, bo)
    shown = {
        "transcript": transcript,
        "secret": secret_by_the_page(header, transcript, X25519Private(rng.draws[1])),
        "envelope": envelope,
        "plaintext": b"hello bo",
    }
    made = None if header.kem is None else kept_encapsulation(_kem_key(header))
    initiate = {
        "name": f"initiate with {name}",
        "check": "initiate",
        "expect": "ok",
        "device_keys": ada.pack(),
        "suite": ada.suite,
        "entry": bo.entry.pack(),
        "today": DAY,
        "signed": SIGNED.public(bo).pack(),
        "kem": _packed(kind.kem),
        "one_time": _packed(kind.one_time),
        "kem_secret": made[0] if made else None,
        "kem_ciphertext": made[1] if made else None,
        "draws": rng.draws,
        "header": header.pack(),
    }
    accepted = accept(envelope, Drawn("answer"), bo=bo)
    respond = _respond(f"with {name}", "ok", envelope, bo)
    known = {"initiator": ada.entry.pack(), "spent": accepted.spent}
    return initiate | shown, respond | shown | known


def _respond(name: str, expect: str, envelope: bytes, bo: DeviceKeys = BO.device) -> Case:
    return {
        "name": f"respond {name}",
        "check": "respond",
        "expect": expect,
        "device_keys": bo.pack(),
        "suite": bo.suite,
        "prekeys": [private.pack() for private in ALL],
        "envelope": envelope,
    }


def _bad_responds(good: bytes) -> list[Case]:
    envelope = s.Envelope.unpack(good)
    header = envelope.header
    assert header is not None

    def at(position: int, new: bytes) -> bytes:
        """Change the header from a position of its layout."""
        return good[: 1 + position] + new + good[1 + position + len(new) :]

    def entry(**change: object) -> bytes:
        return at(2, replace(ADA.device.entry, **change).pack())  # type: ignore[arg-type]  # fields by name

    classical = good[:2] + b"\x02" + good[3:124] + bytes(1093) + good[1217:]
    claims_classical = classical[:83] + b"\x02" + classical[84:]
    no_id = bytes(4)
    cases = [
        ("to an empty envelope", "malformed", b""),
        ("to envelope kind 0", "malformed", b"\x00" + good[1:]),
        ("to envelope kind 3", "malformed", b"\x03" + good[1:]),
        ("to a first envelope of kind 2", "malformed", b"\x02" + envelope.message),
        ("to half a header", "malformed", good[:600]),
        ("to a message cut short", "malformed", good[: 1217 + 84]),
        ("to a newer header", "unknown-version", at(0, b"\x02")),
        ("to suite 0", "unsupported-suite", at(1, b"\x00")),
        ("to suite 3", "unsupported-suite", at(1, b"\x03")),
        ("to suite 2 of a device with suite 1", "downgrade", classical),
        ("to suite 2 that a device with suite 1 claims", "not-opened", claims_classical),
        ("to suite 2 with a KEM ciphertext", "malformed", at(1, b"\x02")),
        ("to suite 2 with a last bit of it", "malformed", classical[:1216] + b"\x01" + classical[1217:]),
        ("to a device entry with suite 3", "unsupported-suite", at(82, b"\x03")),
        ("to a zero ephemeral key", "weak-key", at(83, bytes(32))),
        ("to a zero agreement key", "weak-key", at(2 + 48, bytes(32))),
        ("to a zero signing key", "weak-key", at(2 + 16, bytes(32))),
        ("to signed prekey id 0", "malformed", at(115, no_id)),
        ("to ML-KEM id 0", "malformed", at(124, no_id)),
        ("to ML-KEM kind 1", "malformed", at(123, b"\x01")),
        ("to an unknown signed prekey", "unknown-prekey", at(115, b"\x00\x00\x00\x63")),
        ("to an unknown one-time prekey", "unknown-prekey", at(119, b"\x00\x00\x00\x63")),
        ("to an unknown ML-KEM key", "unknown-prekey", at(124, b"\x00\x00\x00\x63")),
        ("to an ML-KEM key named with the wrong kind", "unknown-prekey", at(123, b"\x02")),
        ("to a dropped one-time prekey", "not-opened", at(119, no_id)),
        ("to another device's identity", "not-opened", at(2, MALLORY.device.entry.pack())),
        ("to another signing key", "not-opened", entry(signing=MALLORY.device.signing.public)),
        ("to another agreement key", "not-opened", entry(agreement=MALLORY.device.agreement.public)),
        ("to another device id", "not-opened", entry(device_id=MALLORY.device.device_id)),
        ("to suite 1 of a device that claims suite 2", "unsupported-suite", entry(suite=Suite.CLASSICAL)),
        ("to another ephemeral key", "not-opened", at(83, MALLORY.device.agreement.public.raw)),
        ("to a changed ML-KEM ciphertext", "not-opened", flipped(good, 1 + 700)),
        ("to another session id", "not-opened", flipped(good, 1217)),
        ("to a changed message", "not-opened", flipped(good, len(good) - 1)),
    ]
    out = [_respond(name, expect, raw) for name, expect, raw in cases]
    fallen = with_suite(BO.device, Suite.CLASSICAL)
    out.append(_respond("to suite 1 as a device with suite 2", "unsupported-suite", good, fallen))
    swapped = _respond("as another device with the same prekeys", "not-opened", good)
    return [*out, swapped | {"device_keys": replace(BO.device, device_id=ADA.device.device_id).pack()}]


class _Talk:
    """Plays a session between ada and bo and writes down every step."""

    def __init__(self) -> None:
        rng = Drawn("a talk")
        self.ada, self.first = begin(rng).encrypt(b"one", rng)
        self.bo = accept(self.first, Drawn("answer"))
        self.sides = {"ada": self.ada, "bo": self.bo.session}
        self.steps: list[Case] = []

    def encrypt(self, by: str, text: bytes) -> bytes:
        rng = Drawn(f"talk {len(self.steps)}")
        self.sides[by], envelope = self.sides[by].encrypt(text, rng)
        step = {"by": by, "do": "encrypt", "expect": "ok", "plaintext": text, "envelope": envelope}
        self.steps.append(step | {"draws": rng.draws})
        return envelope

    def decrypt(self, by: str, envelope: bytes, expect: str = "ok") -> None:
        rng = Drawn(f"talk {len(self.steps)}")
        step: Case = {"by": by, "do": "decrypt", "expect": expect, "envelope": envelope}

        def check(_: Case) -> None:
            self.sides[by], step["plaintext"] = self.sides[by].decrypt(s.Envelope.unpack(envelope), rng)

        assert verdict(check, step) == expect
        self.steps.append(step | {"draws": rng.draws})

    def confirm(self, by: str) -> None:
        self.sides[by] = self.sides[by].confirmed()
        self.steps.append({"by": by, "do": "confirm", "expect": "ok"})

    def case(self, name: str) -> Case:
        return {
            "name": name,
            "check": "session",
            "expect": "ok",
            "ada_session": self.ada.pack(),
            "bo_session": self.bo.session.pack(),
            "steps": self.steps,
        }


def _talks() -> list[Case]:
    answered, receipted = _Talk(), _Talk()
    two = answered.encrypt("ada", b"two")
    answered.decrypt("bo", flipped(two, 1 + 700), "not-opened")
    answered.decrypt("bo", two)
    answered.decrypt("bo", answered.first, "replayed")
    three = answered.encrypt("bo", b"three")
    answered.decrypt("ada", b"\x01" + two[1:1217] + three[1:], "not-opened")
    answered.decrypt("ada", three)
    answered.decrypt("bo", answered.encrypt("ada", b"four"))
    receipted.confirm("ada")
    receipted.decrypt("bo", receipted.encrypt("ada", b"two"))
    return [
        answered.case("the header rides along until the peer has answered"),
        receipted.case("a verified receipt counts as an answer"),
    ]


def _states() -> list[Case]:
    talk = _Talk()
    ada, bo = talk.ada.pack(), talk.bo.session.pack()
    cases = [
        ("with a header to repeat", "ok", ada),
        ("of a responder", "ok", bo),
        ("newer version", "unknown-version", b"\x02" + ada[1:]),
        ("truncated", "malformed", ada[:-1]),
        ("one byte more", "malformed", bo + b"\x00"),
        ("begun-here byte 2", "malformed", ada[:82] + b"\x02" + ada[83:]),
        ("responder with a header", "malformed", ada[:82] + b"\x00" + ada[83:]),
        ("peer with suite 3", "unsupported-suite", bo[:81] + b"\x03" + bo[82:]),
        ("last time", "ok", bo[:116] + (2**53 - 1).to_bytes(8, "big") + bo[124:]),
        ("time beyond the last", "malformed", bo[:116] + (2**53).to_bytes(8, "big") + bo[124:]),
    ]
    return [{"name": f"session state {n}", "check": "state", "expect": e, "raw": raw} for n, e, raw in cases]


def cases() -> list[Case]:
    goods = [case for kind in _KINDS for case in _good(kind)]
    return [*goods, *_bad_responds(goods[0]["envelope"]), *_talks(), *_states()]
