from collections.abc import Callable

import pytest

from peer_agent.crypto import errors
from peer_agent.crypto.encoding import Reader
from peer_agent.crypto.identity import DeviceEntry, DeviceId, DeviceKeys
from peer_agent.crypto.prekeys import (
    Prekey,
    PrekeyId,
    PrekeyKind,
    PrivatePrekey,
    create_prekey,
    verify_bundle,
)
from peer_agent.crypto.primitives import Ed25519Private

from .cases.prekeys import ALL, SIGNED
from .people import BO, DAY
from .vector_files import Case, flipped, load, verdict


def _maybe(case: Case, name: str) -> bytes | None:
    return None if case[name] is None else bytes.fromhex(case[name])


def _entry(case: Case) -> DeviceEntry:
    return DeviceEntry.read(Reader(bytes.fromhex(case["entry"])))


def _create(case: Case) -> None:
    signing = Ed25519Private(bytes.fromhex(case["device_signing_private"]))
    device = DeviceKeys(DeviceId(bytes.fromhex(case["device_id"])), signing, BO.device.agreement)

    assert PrivatePrekey.unpack(bytes.fromhex(case["private"])).public(device).pack().hex() == case["public"]


def _prekey(case: Case) -> None:
    prekey = Prekey.unpack(bytes.fromhex(case["raw"]))
    assert prekey.pack().hex() == case["raw"]
    prekey.verify(_entry(case), today=case["today"])


def _bundle(case: Case) -> None:
    signed = bytes.fromhex(case["signed"])
    verify_bundle(_entry(case), signed, _maybe(case, "kem"), _maybe(case, "one_time"), today=case["today"])


def _private(case: Case) -> None:
    raw = bytes.fromhex(case["raw"])
    assert PrivatePrekey.unpack(raw).pack() == raw


CHECKS: dict[str, Callable[[Case], None]] = {
    "create": _create,
    "prekey": _prekey,
    "bundle": _bundle,
    "private": _private,
}


@pytest.mark.parametrize("case", load("prekeys"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_no_flipped_bit_of_a_signed_prekey_passes() -> None:
    good = SIGNED.public(BO.device).pack()

    for at in range(len(good)):
        with pytest.raises(errors.CryptoError):
            Prekey.unpack(flipped(good, at, at % 8)).verify(BO.device.entry, today=DAY)


@pytest.mark.parametrize("private", ALL, ids=lambda private: private.kind.name)
def test_no_truncated_prekey_parses(private: PrivatePrekey) -> None:
    good = private.public(BO.device).pack()

    for size in range(len(good)):
        with pytest.raises(errors.Malformed):
            Prekey.unpack(good[:size])


@pytest.mark.parametrize("number", [0, -1, 2**32])
def test_ids_out_of_range_are_not_made(number: int) -> None:
    with pytest.raises(errors.Malformed):
        create_prekey(PrekeyKind.ONE_TIME, PrekeyId(number), day=DAY)


def test_private_keys_are_not_shown() -> None:
    assert SIGNED.key.raw.hex() not in repr(SIGNED)
    assert repr(SIGNED.key) == "X25519Private()"
