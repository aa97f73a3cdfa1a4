from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer_agent.crypto import errors
from peer_agent.crypto import identity as i
from peer_agent.crypto.primitives import Ed25519Private, Ed25519Public, X25519Private

from .people import ADA, BO, DAY
from .vector_files import Case, flipped, load, verdict


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _statement(case: Case) -> None:
    device = i.DeviceKeys(
        i.DeviceId(_bytes(case, "device_id")),
        Ed25519Private(_bytes(case, "device_signing_private")),
        X25519Private(_bytes(case, "device_agreement_private")),
    )
    recovery = i.RecoveryKey.from_code(i.read_recovery_code(case["recovery_code"]))

    made = i.create_first_statement(
        case["user_name"], device, recovery, day=case["day"], suite=i.Suite(case["suite"])
    )

    assert made.hex() == case["statement"]
    assert i.verify_chain([made]).fingerprint.hex() == case["fingerprint"]


def _chain(case: Case) -> None:
    found = i.verify_chain([bytes.fromhex(statement) for statement in case["statements"]])

    assert (found.user_name, found.number) == (case["user_name"], case["number"])
    assert found.fingerprint.hex() == case["fingerprint"]
    assert found.head.hex() == case["head"]
    assert found.device(i.DeviceId(_bytes(case, "device_id"))) == found.devices[0]


def _packed_chain(case: Case) -> None:
    chain = _bytes(case, "chain")

    statements = i.split_chain(chain)

    assert i.pack_chain(statements) == chain
    assert [statement.hex() for statement in statements] == case["statements"]


def _recovery_code(case: Case) -> None:
    code = i.read_recovery_code(case["typed"])

    assert code == case["code"]
    assert i.RecoveryKey.from_code(code).signing.public.raw.hex() == case["public"]


def _login_proof(case: Case) -> None:
    body = _bytes(case, "device_id") + _bytes(case, "challenge")
    Ed25519Public(_bytes(case, "public")).verify("login", body, _bytes(case, "signature"))


def _recovery_proof(case: Case) -> None:
    body = _bytes(case, "fingerprint") + _bytes(case, "challenge")
    Ed25519Public(_bytes(case, "public")).verify("recover", body, _bytes(case, "signature"))


def _safety_number(case: Case) -> None:
    by_fingerprint = {person.identity.fingerprint.hex(): person.identity for person in (ADA, BO)}
    number = i.safety_number(by_fingerprint[case["one"]], by_fingerprint[case["other"]])

    assert number == case["safety_number"]


def _device_keys(case: Case) -> None:
    assert i.DeviceKeys.unpack(_bytes(case, "raw")).pack() == _bytes(case, "raw")


CHECKS: dict[str, Callable[[Case], None]] = {
    "statement": _statement,
    "chain": _chain,
    "packed-chain": _packed_chain,
    "recovery-code": _recovery_code,
    "login-proof": _login_proof,
    "recovery-proof": _recovery_proof,
    "safety-number": _safety_number,
    "device-keys": _device_keys,
}


@pytest.mark.parametrize("case", load("identity"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_no_flipped_bit_of_a_statement_passes() -> None:
    good = ADA.statement

    for at in range(len(good)):
        with pytest.raises(errors.CryptoError):
            i.verify_chain([flipped(good, at, at % 8)])


def test_no_truncated_statement_passes() -> None:
    good = ADA.statement

    for size in range(len(good)):
        with pytest.raises(errors.CryptoError):
            i.verify_chain([good[:size]])


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_in_our_words(raw: bytes) -> None:
    with pytest.raises(errors.CryptoError):
        i.verify_chain([raw])
    with pytest.raises(errors.CryptoError):
        i.verify_chain(i.split_chain(raw))


def test_unsigned_device_is_unknown() -> None:
    with pytest.raises(errors.UnknownDevice):
        ADA.identity.device(BO.device.device_id)


def test_new_devices_have_uuid4_ids_and_own_keys() -> None:
    one, other = i.create_device(), i.create_device()

    assert one.device_id[6] >> 4 == 4
    assert one.device_id[8] >> 6 == 2
    assert one != other


def test_recovery_codes_survive_reading() -> None:
    code = i.create_recovery_code()

    assert i.read_recovery_code(code) == code


def test_names_that_need_folding_are_not_signed() -> None:
    with pytest.raises(errors.Malformed):
        i.create_first_statement("Ada", ADA.device, ADA.recovery, day=DAY)


def test_safety_number_has_twelve_groups_of_five() -> None:
    groups = i.safety_number(ADA.identity, BO.identity).split(" ")

    assert [len(group) for group in groups] == [5] * 12
