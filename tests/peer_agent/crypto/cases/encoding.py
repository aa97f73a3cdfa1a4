"""Vectors of docs/spec/encoding.md."""

from peer_agent.crypto import primitives as p

from ..vector_files import Case, Drawn, flipped

_TOP_BIT = 1 << 255


def _le(number: int) -> bytes:
    return number.to_bytes(32, "little")


def _keys(check: str, small: frozenset[int], good: bytes) -> list[Case]:
    cases: list[Case] = [{"name": f"{check}: good", "check": check, "expect": "ok", "raw": good}]
    bad = [(f"small order {number % 1000}", _le(number)) for number in sorted(small)]
    bad += [(f"not canonical, p + {extra}", _le(p.FIELD_PRIME + extra)) for extra in (0, 1, 18)]
    cases += [{"name": f"{check}: {n}", "check": check, "expect": "weak-key", "raw": raw} for n, raw in bad]
    for name, raw in (("short", good[:-1]), ("long", good + b"\x00"), ("empty", b"")):
        cases.append({"name": f"{check}: {name}", "check": check, "expect": "malformed", "raw": raw})
    return cases


def _kem_keys(good: bytes) -> list[Case]:
    # Two 12-bit coefficients in three bytes; 3329, the modulus, is the first that is too large.
    modulus = bytes([0x01, good[1] & 0xF0 | 0x0D, good[2]])
    in_second = bytes([good[0], good[1] & 0x0F | 0x10, 0xD0])
    return [
        {"name": f"kem-public: {name}", "check": "kem-public", "expect": expect, "raw": raw}
        for name, expect, raw in (
            ("good", "ok", good),
            ("coefficient equal to the modulus", "weak-key", modulus + good[3:]),
            ("second coefficient equal to the modulus", "weak-key", in_second + good[3:]),
            ("all bits set", "weak-key", b"\xff" * p.KEM_PUBLIC_BYTES),
            ("short", "malformed", good[:-1]),
            ("long", "malformed", good + b"\x00"),
        )
    ]


def cases() -> list[Case]:
    rng = Drawn("encoding")
    signer = p.Ed25519Private.generate(rng)
    agreement = p.X25519Private.generate(rng).public.raw
    signature = signer.sign("example", b"body")
    secret, chained = rng(32), rng(32)
    out = _keys("x25519-public", p.X25519_SMALL_ORDER, agreement)
    out += [
        {
            "name": "x25519-public: top bit set",
            "check": "x25519-public",
            "expect": "weak-key",
            "raw": flipped(agreement, 31, 7),
        }
    ]
    out += _keys("ed25519-public", p.ED25519_SMALL_ORDER, signer.public.raw)
    one_with_sign = {"raw": _le(1 | _TOP_BIT), "check": "ed25519-public", "expect": "weak-key"}
    out += [{"name": "ed25519-public: one with the sign bit", **one_with_sign}]
    out += _kem_keys(p.KemPrivate.generate(rng).public.raw)
    for name, context, salt, size in (
        ("plain", b"", b"", 32),
        ("context", b"context", b"", 112),
        ("chained", b"", chained, 64),
    ):
        made = p.derive(secret, "example", context, size=size, chained=salt)
        fields = {"secret": secret, "what": "example", "context": context, "chained": salt, "size": size}
        out.append({"name": f"hkdf: {name}", "check": "hkdf", "expect": "ok", **fields, "out": made})
    tag = p.mac(secret, "example", b"body")
    fields = {"key": secret, "what": "example", "body": b"body", "out": tag}
    out.append({"name": "mac", "check": "mac", "expect": "ok", **fields})
    public = signer.public.raw
    fields = {"private": signer.raw, "what": "example", "body": b"body", "public": public}
    out.append({"name": "sign", "check": "sign", "expect": "ok", **fields, "signature": signature})
    # S + L: the same signature to a verifier that does not insist on the smallest S.
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = signature[:32] + _le(int.from_bytes(signature[32:], "little") + order)
    # With a small-order key this signature would fit about every eighth text.
    for name, key, what, body, sig, expect in (
        ("good", public, "example", b"body", signature, "ok"),
        ("another label", public, "sample", b"body", signature, "bad-signature"),
        ("another body", public, "example", b"bodies", signature, "bad-signature"),
        ("a flipped bit", public, "example", b"body", flipped(signature, 40), "bad-signature"),
        ("a larger S", public, "example", b"body", malleable, "bad-signature"),
        ("small order", _le(1), "example", b"body", _le(1) + bytes(32), "weak-key"),
    ):
        fields = {"public": key, "what": what, "body": body, "signature": sig}
        out.append({"name": f"verify: {name}", "check": "verify", "expect": expect, **fields})
    return out
