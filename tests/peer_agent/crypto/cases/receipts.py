"""Vectors of docs/spec/receipts.md."""

from peer_agent.crypto.receipts import ReceiptKey, envelope_hash, make_receipt

from ..vector_files import Case, Drawn, flipped

_RNG = Drawn("receipts")
KEY, OTHER_KEY = ReceiptKey(_RNG(32)), ReceiptKey(_RNG(32))
ENVELOPE = _RNG(300)


def cases() -> list[Case]:
    hashed = envelope_hash(ENVELOPE)
    entry = make_receipt(KEY, hashed)
    known = {"receipt_key": KEY, "envelope": ENVELOPE}
    bad = (
        ("of another envelope", {"envelope": flipped(ENVELOPE, 7)}),
        ("with another key", {"receipt_key": OTHER_KEY}),
        ("with a flipped hash", {"entry": flipped(entry, 15)}),
        ("with a flipped MAC", {"entry": flipped(entry, 16)}),
        ("with a flipped last byte", {"entry": flipped(entry, 31)}),
        ("truncated", {"entry": entry[:-1]}),
        ("with one byte more", {"entry": entry + b"\x00"}),
        ("empty", {"entry": b""}),
    )
    verify = {"check": "verify", "expect": "ok"} | known | {"entry": entry}
    return [
        {"name": "make", "check": "make", "expect": "ok"} | known | {"hash": hashed, "entry": entry},
        {"name": "make with a short key", "check": "make", "expect": "malformed"}
        | known
        | {"receipt_key": KEY[:-1], "hash": hashed},
        {"name": "verify", "valid": True} | verify,
        *({"name": f"verify {name}", "valid": False} | verify | change for name, change in bad),
    ]
