from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from peer_agent.crypto import errors
from peer_agent.crypto import sessions as s
from peer_agent.crypto.encoding import Reader
from peer_agent.crypto.handshake import HEADER_BYTES, FindPrekey, respond
from peer_agent.crypto.identity import DeviceEntry, DeviceKeys, Suite
from peer_agent.crypto.prekeys import PrekeyId, PrekeyKind, PrivatePrekey, verify_bundle
from peer_agent.crypto.primitives import KemPublic

from .cases.handshake import accept, begin, bundle_of_bo, find
from .cases.prekeys import LAST_RESORT, ONE_TIME, ONE_TIME_KEM
from .people import ADA, BO, NOW_MS
from .vector_files import Case, Drawn, Given, flipped, load, verdict


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _maybe(case: Case, name: str) -> bytes | None:
    return None if case[name] is None else _bytes(case, name)


def _device(case: Case) -> DeviceKeys:
    return replace(DeviceKeys.unpack(_bytes(case, "device_keys")), suite=Suite(case["suite"]))


def _finder(case: Case) -> FindPrekey:
    held = [PrivatePrekey.unpack(bytes.fromhex(raw)) for raw in case["prekeys"]]

    def look(kind: PrekeyKind, prekey_id: PrekeyId) -> PrivatePrekey | None:
        return next((each for each in held if (each.kind, each.prekey_id) == (kind, prekey_id)), None)

    return look


def _initiate(case: Case) -> None:
    entry = DeviceEntry.read(Reader(_bytes(case, "entry")))
    kem, one_time = _maybe(case, "kem"), _maybe(case, "one_time")
    bundle = verify_bundle(entry, _bytes(case, "signed"), kem, one_time, today=case["today"])
    rng = Given(case["draws"])

    def encapsulate(_: KemPublic) -> tuple[bytes, bytes]:
        return _bytes(case, "kem_secret"), _bytes(case, "kem_ciphertext")

    session = s.begin_session(_device(case), bundle, now_ms=NOW_MS, rng=rng, encapsulate=encapsulate)
    session, envelope = session.encrypt(_bytes(case, "plaintext"), rng)

    assert session.header is not None
    assert session.header.pack().hex() == case["header"]
    assert session.ratchet.bound.hex() == case["transcript"]
    assert envelope.hex() == case["envelope"]


def _respond(case: Case) -> None:
    own, look = _device(case), _finder(case)
    envelope = s.Envelope.unpack(_bytes(case, "envelope"))
    assert envelope.pack().hex() == case["envelope"]

    accepted = s.accept_session(own, envelope, look, now_ms=NOW_MS)

    assert envelope.header is not None
    ratchet = respond(own, envelope.header, envelope.session_id, look)
    assert (ratchet.bound.hex(), ratchet.root.hex()) == (case["transcript"], case["secret"])
    assert accepted.plaintext.hex() == case["plaintext"]
    assert accepted.session.peer.pack().hex() == case["initiator"]
    assert list(accepted.spent) == case["spent"]


def _session(case: Case) -> None:
    sides = {name: s.Session.unpack(_bytes(case, f"{name}_session")) for name in ("ada", "bo")}
    plays = {"encrypt": _encrypt, "decrypt": _decrypt, "confirm": _confirm}
    for number, step in enumerate(case["steps"]):
        assert verdict(partial(plays[step["do"]], sides), step) == step["expect"], number


def _encrypt(sides: dict[str, s.Session], step: Case) -> None:
    session, envelope = sides[step["by"]].encrypt(_bytes(step, "plaintext"), Given(step["draws"]))
    sides[step["by"]] = session
    assert envelope.hex() == step["envelope"]


def _decrypt(sides: dict[str, s.Session], step: Case) -> None:
    envelope = s.Envelope.unpack(_bytes(step, "envelope"))
    session, opened = sides[step["by"]].decrypt(envelope, Given(step["draws"]))
    sides[step["by"]] = session
    assert opened.hex() == step["plaintext"]


def _confirm(sides: dict[str, s.Session], step: Case) -> None:
    sides[step["by"]] = sides[step["by"]].confirmed()


def _state(case: Case) -> None:
    assert s.Session.unpack(_bytes(case, "raw")).pack().hex() == case["raw"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "initiate": _initiate,
    "respond": _respond,
    "session": _session,
    "state": _state,
}


@pytest.mark.parametrize("case", load("handshake"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def _first(name: str = "first") -> tuple[s.Session, bytes]:
    return begin(Drawn(name)).encrypt(b"hello")


def test_no_flipped_bit_of_a_first_envelope_passes() -> None:
    _, envelope = _first()
    places = [*range(130), *range(130, 1217, 41), *range(1217, len(envelope))]

    for at in places:
        with pytest.raises(errors.CryptoError):
            accept(flipped(envelope, at, at % 8), Drawn("bo"))


def test_no_truncated_first_envelope_passes() -> None:
    _, envelope = _first()

    for size in [*range(0, 1217, 53), *range(1217, len(envelope))]:
        with pytest.raises(errors.CryptoError):
            accept(envelope[:size], Drawn("bo"))


def test_real_encapsulation_and_randomness_agree_too() -> None:
    session = s.begin_session(ADA.device, bundle_of_bo(), now_ms=NOW_MS)
    session, envelope = session.encrypt(b"hello")

    accepted = s.accept_session(BO.device, s.Envelope.unpack(envelope), find, now_ms=NOW_MS)

    assert accepted.plaintext == b"hello"


def test_one_time_prekeys_are_named_for_deletion_and_last_resort_ones_are_not() -> None:
    _, with_one_time = _first()
    _, without = begin(Drawn("first contact"), LAST_RESORT, None).encrypt(b"hello")

    assert accept(with_one_time, Drawn("bo")).spent == (ONE_TIME_KEM.prekey_id, ONE_TIME.prekey_id)
    assert accept(without, Drawn("bo")).spent == ()


def test_a_spent_prekey_takes_no_second_session() -> None:
    _, envelope = _first()
    spent = accept(envelope, Drawn("bo")).spent

    def left(kind: PrekeyKind, prekey_id: PrekeyId) -> PrivatePrekey | None:
        return None if prekey_id in spent else find(kind, prekey_id)

    with pytest.raises(errors.UnknownPrekey):
        s.accept_session(BO.device, s.Envelope.unpack(envelope), left, now_ms=NOW_MS)


def test_two_sessions_with_the_same_peer_share_nothing() -> None:
    one, other = (s.begin_session(ADA.device, bundle_of_bo(), now_ms=NOW_MS) for _ in range(2))

    assert one.session_id != other.session_id
    assert one.ratchet.root != other.ratchet.root


def test_header_is_dropped_once_the_peer_has_answered() -> None:
    ada, envelope = _first()
    bo = accept(envelope, Drawn("bo")).session
    ada, repeated = ada.encrypt(b"again")

    bo, answer = bo.encrypt(b"yes")
    ada, _ = ada.decrypt(s.Envelope.unpack(answer))
    ada, later = ada.encrypt(b"later")

    assert (envelope[0], repeated[0], later[0]) == (1, 1, 2)
    assert len(envelope) - len(later) == HEADER_BYTES
    assert ada.is_established


def test_sessions_are_due_after_500_messages_or_seven_days() -> None:
    session, _ = _first()

    assert not session.needs_renewal(NOW_MS + 6 * 86_400_000)
    assert session.needs_renewal(NOW_MS + 7 * 86_400_000)
    for _ in range(499):
        assert not session.needs_renewal(NOW_MS)
        session, _ = session.encrypt(b"more")
    assert session.needs_renewal(NOW_MS)


class TestChoice:
    """Both sides must settle on the same session."""

    def both(self, name: str, started_ms: int) -> tuple[s.Session, s.Session]:
        """ada's and bo's end of a session that ada began."""
        ada, envelope = begin(Drawn(name)).encrypt(b"hello")
        bo = accept(envelope, Drawn(name + " answer")).session
        bo, answer = bo.encrypt(b"yes")
        ada, _ = ada.decrypt(s.Envelope.unpack(answer))
        return _at(ada, started_ms), _at(bo, started_ms)

    def choose(self, own: DeviceKeys, *sessions: s.Session, now_ms: int = NOW_MS) -> s.Session | None:
        return s.choose_session(own.signing.public, sessions, now_ms=now_ms)

    def test_nothing_to_choose_from(self) -> None:
        assert self.choose(ADA.device) is None

    def test_newest_of_one_starter(self) -> None:
        ada_old, bo_old = self.both("old", NOW_MS)
        ada_new, bo_new = self.both("new", NOW_MS + 1)

        assert self.choose(ADA.device, ada_new, ada_old) is ada_new
        assert self.choose(BO.device, bo_old, bo_new) is bo_new

    def test_answered_before_newer(self) -> None:
        answered, _ = self.both("old", NOW_MS)
        fresh = _at(begin(Drawn("new")), NOW_MS + 1)

        assert self.choose(ADA.device, fresh, answered) is answered
        assert self.choose(ADA.device, fresh) is fresh

    def test_fresh_before_due(self) -> None:
        week = 7 * 86_400_000
        due, bo_due = self.both("old", NOW_MS)
        fresh, bo_fresh = self.both("new", NOW_MS + week)

        assert self.choose(ADA.device, due, fresh, now_ms=NOW_MS + week) is fresh
        assert self.choose(BO.device, bo_due, bo_fresh, now_ms=NOW_MS + week) is bo_fresh

    def test_begun_by_the_lower_device_before_newer(self) -> None:
        is_ada_lower = ADA.device.signing.public.raw < BO.device.signing.public.raw
        # Else the newest would be chosen whoever began it.
        of_ada_ms, of_bo_ms = (NOW_MS, NOW_MS + 5) if is_ada_lower else (NOW_MS + 5, NOW_MS)
        at_ada, at_bo = self.both("one", of_ada_ms)
        # The same states seen as of one that bo began: only who began it matters to the choice.
        other_at_ada, other_at_bo = _begun_by_other(at_ada, of_bo_ms), _begun_by_other(at_bo, of_bo_ms)

        chosen_at_ada = self.choose(ADA.device, at_ada, other_at_ada)
        chosen_at_bo = self.choose(BO.device, at_bo, other_at_bo)

        assert chosen_at_ada is (at_ada if is_ada_lower else other_at_ada)
        assert chosen_at_bo is (at_bo if is_ada_lower else other_at_bo)

    def test_a_responder_that_waits_is_no_candidate(self) -> None:
        _, envelope = _first()
        header = s.Envelope.unpack(envelope).header
        assert header is not None
        waiting = respond(BO.device, header, s.Envelope.unpack(envelope).session_id, find)
        session = s.Session(waiting, ADA.device.entry, False, bytes(32), None, NOW_MS)

        assert self.choose(BO.device, session) is None


def _at(session: s.Session, started_ms: int) -> s.Session:
    return replace(session, started_ms=started_ms)


def _begun_by_other(session: s.Session, started_ms: int) -> s.Session:
    return replace(session, is_initiator=not session.is_initiator, started_ms=started_ms)
