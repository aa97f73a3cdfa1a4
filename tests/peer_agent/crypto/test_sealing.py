from collections.abc import Callable

import pytest

from peer_agent.crypto import errors
from peer_agent.crypto.encoding import Reader
from peer_agent.crypto.identity import DeviceEntry, DeviceKeys
from peer_agent.crypto.primitives import X25519Private
from peer_agent.crypto.sealing import MAX_ENVELOPE_BYTES, open_post, seal_post

from .cases.sealing import ENVELOPE
from .people import ADA, BO
from .rfc9180 import schedule
from .vector_files import Case, flipped, load, verdict


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _seal(case: Case) -> None:
    entry = DeviceEntry.read(Reader(_bytes(case, "entry")))
    info = b"mesa/sealed/1\x00" + entry.device_id
    made = schedule(entry.agreement, X25519Private(_bytes(case, "ephemeral")), info)
    whole = len(_bytes(case, "envelope")).to_bytes(4, "big") + _bytes(case, "envelope")

    assert made.shared_secret.hex() == case["shared_secret"]
    assert (made.key.hex(), made.base_nonce.hex()) == (case["key"], case["base_nonce"])
    assert (b"\x01" + made.seal(whole + bytes(-len(whole) % 4096))).hex() == case["post"]


def _open(case: Case) -> None:
    assert (
        open_post(DeviceKeys.unpack(_bytes(case, "device_keys")), _bytes(case, "post")).hex()
        == case["envelope"]
    )


CHECKS: dict[str, Callable[[Case], None]] = {"seal": _seal, "open": _open}


@pytest.mark.parametrize("case", load("sealing"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


@pytest.mark.parametrize("size", [1, 4092, 4093, MAX_ENVELOPE_BYTES])
def test_posts_have_few_sizes_and_open_on_their_device(size: int) -> None:
    envelope = ENVELOPE[:1] * size

    post = seal_post(BO.device.entry, envelope)

    assert (len(post) - 49) % 4096 == 0
    assert open_post(BO.device, post) == envelope


@pytest.mark.parametrize("size", [0, MAX_ENVELOPE_BYTES + 1])
def test_what_does_not_fit_is_not_sealed(size: int) -> None:
    with pytest.raises(errors.Malformed):
        seal_post(BO.device.entry, bytes(size))


def test_any_flipped_bit_is_refused() -> None:
    post = seal_post(BO.device.entry, ENVELOPE)

    for at in [*range(60), *range(60, len(post), 89)]:
        with pytest.raises(errors.CryptoError):
            open_post(BO.device, flipped(post, at, at % 8))


def test_another_device_can_not_open() -> None:
    with pytest.raises(errors.NotOpened):
        open_post(ADA.device, seal_post(BO.device.entry, ENVELOPE))


def test_same_key_under_another_device_id_can_not_open() -> None:
    keys = DeviceKeys(ADA.device.device_id, BO.device.signing, BO.device.agreement)

    with pytest.raises(errors.NotOpened):
        open_post(keys, seal_post(BO.device.entry, ENVELOPE))


def test_posts_share_nothing_with_what_they_hold() -> None:
    post = seal_post(BO.device.entry, ENVELOPE)
    windows = {post[at : at + 8] for at in range(len(post) - 7)}

    assert not any(ENVELOPE[at : at + 8] in windows for at in range(len(ENVELOPE) - 7))
