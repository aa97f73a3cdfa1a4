"""What the vectors of the page `identity` are checked by."""

from collections.abc import Callable

from peer_agent.crypto import identity as i
from peer_agent.crypto.primitives import Ed25519Public

from .people import ADA, BO
from .vector_files import Case


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


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
    "recovery-code": _recovery_code,
    "login-proof": _login_proof,
    "recovery-proof": _recovery_proof,
    "safety-number": _safety_number,
    "device-keys": _device_keys,
}
