from collections.abc import Callable

import pytest

from peer_agent.crypto import chain as c
from peer_agent.crypto import errors
from peer_agent.crypto.encoding import Reader
from peer_agent.crypto.identity import (
    DeviceEntry,
    DeviceId,
    DeviceKeys,
    RecoveryKey,
    Suite,
    read_recovery_code,
)
from peer_agent.crypto.primitives import Ed25519Private, Ed25519Public, X25519Private, sha256
from peer_agent.crypto.statements import (
    AddDevice,
    Change,
    NewRecoveryKey,
    RaiseSuite,
    Recover,
    RemoveDevice,
    Statement,
    create_first_statement,
    create_next_statement,
)

from .identity_checks import CHECKS as IDENTITY_CHECKS
from .people import ADA, BO, DAY
from .vector_files import Case, flipped, load, verdict


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _statements(case: Case, name: str = "statements") -> list[bytes]:
    return [bytes.fromhex(statement) for statement in case[name]]


def _statement(case: Case) -> None:
    device = DeviceKeys(
        DeviceId(_bytes(case, "device_id")),
        Ed25519Private(_bytes(case, "device_signing_private")),
        X25519Private(_bytes(case, "device_agreement_private")),
        Suite(case["suite"]),
    )
    recovery = RecoveryKey.from_code(read_recovery_code(case["recovery_code"]))

    made = create_first_statement(case["user_name"], device, recovery, day=case["day"])

    assert made.hex() == case["statement"]
    assert c.verify_chain([made]).fingerprint.hex() == case["fingerprint"]


def _next_statement(case: Case) -> None:
    signers = [Ed25519Private(bytes.fromhex(each)) for each in case["private"]]

    made = create_next_statement(
        c.verify_chain(_statements(case)), CHANGES[case["kind"]](case), *signers, day=case["day"]
    )

    assert made.hex() == case["statement"]
    c.verify_chain([*_statements(case), made])


def _entry(case: Case) -> DeviceEntry:
    return DeviceEntry.read(Reader(_bytes(case, "device")))


CHANGES: dict[int, Callable[[Case], Change]] = {
    1: lambda case: AddDevice(DeviceId(_bytes(case, "signer")), _entry(case)),
    2: lambda case: RemoveDevice(DeviceId(_bytes(case, "signer")), DeviceId(_bytes(case, "device_id"))),
    3: lambda case: RaiseSuite(DeviceId(_bytes(case, "signer")), Suite(case["suite"])),
    4: lambda case: NewRecoveryKey(Ed25519Public(_bytes(case, "recovery"))),
    5: lambda case: Recover(_entry(case)),
}


def _chain(case: Case) -> None:
    found = c.verify_chain(_statements(case))

    assert (found.user_name, found.number) == (case["user_name"], case["number"])
    assert found.fingerprint.hex() == case["fingerprint"]
    assert found.head.hex() == case["head"]
    assert found.recovery.raw.hex() == case["recovery"]
    assert [device.pack().hex() for device in found.devices] == case["devices"]


def _packed_chain(case: Case) -> None:
    chain = _bytes(case, "chain")

    statements = c.split_chain(chain)

    assert c.pack_chain(statements) == chain
    assert [statement.hex() for statement in statements] == case["statements"]


def _judge(case: Case) -> None:
    pinned, shown = (c.verify_chain(_statements(case, side)) for side in ("pinned", "shown"))

    assert c.judge(pinned, shown) == case["verdict"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "statement": _statement,
    "next-statement": _next_statement,
    "chain": _chain,
    "packed-chain": _packed_chain,
    "judge": _judge,
}


@pytest.mark.parametrize(
    "case", [case for check in CHECKS for case in load("identity", check)], ids=lambda case: case["name"]
)
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_every_check_of_the_page_is_run() -> None:
    assert {case["check"] for case in load("identity")} == CHECKS.keys() | IDENTITY_CHECKS.keys()


def test_every_verdict_has_a_case() -> None:
    assert {case["verdict"] for case in load("identity", "judge")} == set(c.Verdict)


def test_names_that_need_folding_are_not_signed() -> None:
    with pytest.raises(errors.Malformed):
        create_first_statement("Ada", ADA.device, ADA.recovery, day=DAY)


def every_kind() -> list[object]:
    """One good statement of each kind, with the statements before it."""
    cases = {case["kind"]: case for case in load("identity", "next-statement")}
    chains = [(), *([*_statements(case)] for case in cases.values())]
    statements = [ADA.statement, *(_bytes(case, "statement") for case in cases.values())]
    return [
        pytest.param(before, statement, id=f"kind {statement[1]}")
        for before, statement in zip(chains, statements, strict=True)
    ]


@pytest.mark.parametrize(("before", "good"), every_kind())
def test_no_flipped_bit_of_a_statement_passes(before: list[bytes], good: bytes) -> None:
    for at in range(len(good)):
        with pytest.raises(errors.CryptoError):
            c.verify_chain([*before, flipped(good, at, at % 8)])


@pytest.mark.parametrize(("before", "good"), every_kind())
def test_no_truncated_statement_passes(before: list[bytes], good: bytes) -> None:
    for size in range(len(good)):
        with pytest.raises(errors.CryptoError):
            c.verify_chain([*before, good[:size]])


@pytest.mark.parametrize(("before", "good"), every_kind())
def test_statement_packs_to_the_bytes_it_was_read_from(before: list[bytes], good: bytes) -> None:
    previous = sha256(before[-1]) if before else bytes(32)

    assert Statement.read(good, number=len(before), previous=previous).pack() == good


def test_a_device_that_the_chain_does_not_name_is_unknown() -> None:
    with pytest.raises(errors.UnknownDevice):
        ADA.identity.device(BO.device.device_id)
