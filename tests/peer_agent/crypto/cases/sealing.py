"""Vectors of docs/spec/sealing.md."""

from peer_agent.crypto.primitives import X25519Private

from ..people import ADA, BO
from ..rfc9180 import schedule
from ..vector_files import Case, Drawn, flipped

_EPHEMERAL = X25519Private(Drawn("post")(32))
ENVELOPE = Drawn("envelope")(1500)


def _seal(plaintext: bytes, spelled: bytes | None = None) -> tuple[bytes, Case]:
    entry = BO.device.entry
    made = schedule(entry.agreement, _EPHEMERAL, b"mesa/sealed/1\x00" + entry.device_id, spelled=spelled)
    inner = {"shared_secret": made.shared_secret, "key": made.key, "base_nonce": made.base_nonce}
    return b"\x01" + made.seal(plaintext), inner


def _padded(envelope: bytes) -> bytes:
    whole = len(envelope).to_bytes(4, "big") + envelope
    return whole + bytes(-len(whole) % 4096)


def _good(name: str, envelope: bytes) -> list[Case]:
    post, inner = _seal(_padded(envelope))
    seal: Case = {
        "name": f"seal {name}",
        "check": "seal",
        "expect": "ok",
        "entry": BO.device.entry.pack(),
        "ephemeral": _EPHEMERAL.raw,
        "envelope": envelope,
    }
    return [seal | inner | {"post": post}, _open(name, "ok", post) | {"envelope": envelope}]


def _open(name: str, expect: str, post: bytes) -> Case:
    keys = BO.device.pack()
    return {"name": f"open {name}", "check": "open", "expect": expect, "device_keys": keys, "post": post}


def cases() -> list[Case]:
    post, _ = _seal(_padded(ENVELOPE))
    plain = _padded(ENVELOPE)
    # Exchanges pass over the top bit.
    spelled = flipped(_EPHEMERAL.public.raw, 31, 7)
    bad = [
        ("a newer version", "unknown-version", b"\x02" + post[1:]),
        ("nothing", "malformed", b""),
        ("a truncated post", "malformed", post[:-1]),
        ("one byte more", "malformed", post + b"\x00"),
        ("a post without text", "malformed", post[:49]),
        ("a post of 17 steps", "malformed", post + bytes(16 * 4096)),
        ("a flipped encapsulated key", "not-opened", flipped(post, 5)),
        ("a zero encapsulated key", "not-opened", b"\x01" + bytes(32) + post[33:]),
        ("an encapsulated key with the top bit", "not-opened", _seal(plain, spelled)[0]),
        ("a flipped ciphertext", "not-opened", flipped(post, 3000)),
        ("a flipped tag", "not-opened", flipped(post, len(post) - 1)),
        ("a length of 0", "malformed", _seal(bytes(4096))[0]),
        ("a length beyond the end", "malformed", _seal(b"\x00\x00\xff\xff" + plain[4:])[0]),
        ("padding that is not zero", "malformed", _seal(flipped(plain, 4095))[0]),
        ("a step of padding too much", "malformed", _seal(plain + bytes(4096))[0]),
    ]
    elsewhere = _open("another device's post", "not-opened", post) | {"device_keys": ADA.device.pack()}
    return [
        *_good("an envelope", ENVELOPE),
        *_good("what just fits one step", Drawn("fits")(4092)),
        *_good("what just does not", Drawn("fits")(4093)),
        *(_open(name, expect, raw) for name, expect, raw in bad),
        elsewhere,
    ]
