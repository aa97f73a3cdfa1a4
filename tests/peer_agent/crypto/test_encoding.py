from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from peer_agent.crypto import errors
from peer_agent.crypto import primitives as p
from peer_agent.crypto.encoding import Reader, label, pad

from .vector_files import Case, load, verdict


def _public(kind: Callable[[bytes], object]) -> Callable[[Case], object]:
    return lambda case: kind(bytes.fromhex(case["raw"]))


def _hkdf(case: Case) -> None:
    secret, context, chained = (bytes.fromhex(case[name]) for name in ("secret", "context", "chained"))
    made = p.derive(secret, case["what"], context, size=case["size"], chained=chained)
    assert made.hex() == case["out"]


def _mac(case: Case) -> None:
    assert p.mac(bytes.fromhex(case["key"]), case["what"], bytes.fromhex(case["body"])).hex() == case["out"]


def _sign(case: Case) -> None:
    key = p.Ed25519Private(bytes.fromhex(case["private"]))
    assert key.public.raw.hex() == case["public"]
    assert key.sign(case["what"], bytes.fromhex(case["body"])).hex() == case["signature"]


def _verify(case: Case) -> None:
    key = p.Ed25519Public(bytes.fromhex(case["public"]))
    key.verify(case["what"], bytes.fromhex(case["body"]), bytes.fromhex(case["signature"]))


CHECKS = {
    "x25519-public": _public(p.X25519Public),
    "ed25519-public": _public(p.Ed25519Public),
    "kem-public": _public(p.KemPublic),
    "hkdf": _hkdf,
    "mac": _mac,
    "sign": _sign,
    "verify": _verify,
}


@pytest.mark.parametrize("case", load("encoding"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


@pytest.mark.parametrize("u", sorted(p.X25519_SMALL_ORDER))
def test_listed_x25519_values_are_of_small_order(u: int) -> None:
    key = object.__new__(p.X25519Public)
    object.__setattr__(key, "raw", u.to_bytes(32, "little"))

    with pytest.raises(errors.WeakKey):
        p.X25519Private.generate().exchange(key)


@pytest.mark.parametrize("y", sorted(p.ED25519_SMALL_ORDER))
def test_listed_ed25519_values_let_one_signature_fit_many_texts(y: int) -> None:
    key = Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))
    signature = (1).to_bytes(32, "little") + bytes(32)

    assert any(_fits(key, signature, b"text %d" % number) for number in range(200))


def _fits(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def test_no_label_begins_another() -> None:
    assert not label("onion-key").startswith(label("onion"))
    assert label("onion").endswith(b"\x00")


def test_secrets_are_not_shown() -> None:
    secret = p.X25519Private(b"\x17" * 32)

    assert repr(secret) == "X25519Private()"
    assert "17" not in str(vars(errors.NotOpened()))


@pytest.mark.parametrize("kind", [p.X25519Private, p.Ed25519Private])
def test_private_keys_compare_by_value(kind: type[p.X25519Private | p.Ed25519Private]) -> None:
    assert kind(b"\x17" * 32) == kind(b"\x17" * 32)
    assert kind(b"\x17" * 32) != kind(b"\x18" * 32)


def test_same_text_never_seals_to_the_same_bytes() -> None:
    key = p.SealKey(bytes(32))

    assert p.seal(key, b"text", b"") != p.seal(key, b"text", b"")


def test_keystream_is_what_sealing_adds() -> None:
    key = p.SealKey(b"\x07" * 32)

    assert p.seal_once(key, bytes(100))[:100] == p.once_keystream(key, 100)


@given(st.binary(max_size=600), st.integers(1, 300))
def test_padding_is_read_back_exactly(raw: bytes, step: int) -> None:
    reader = Reader(pad(raw, step))

    assert reader.take(len(raw)) == raw
    reader.padding(step)


@given(st.binary(min_size=1, max_size=100))
def test_padding_that_is_not_zero_is_refused(raw: bytes) -> None:
    reader = Reader(pad(raw, 256)[:-1] + b"\x01")
    reader.take(len(raw))

    with pytest.raises(errors.Malformed):
        reader.padding(256)


def test_padding_of_a_whole_step_is_refused() -> None:
    reader = Reader(bytes(512))
    reader.take(10)

    with pytest.raises(errors.Malformed):
        reader.padding(256)
