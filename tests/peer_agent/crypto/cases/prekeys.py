"""Vectors of docs/spec/prekeys.md."""

from dataclasses import replace

from peer_agent.crypto.identity import DeviceEntry, Suite
from peer_agent.crypto.prekeys import PrekeyId, PrekeyKind, PrivatePrekey, create_prekey

from ..people import BO, DAY, MALLORY
from ..vector_files import Case, Drawn, flipped

_RNG = Drawn("prekeys of bo")
SIGNED, LAST_RESORT, ONE_TIME_KEM, ONE_TIME = (
    create_prekey(kind, PrekeyId(number), day=DAY, rng=_RNG)
    for number, kind in enumerate(
        (PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT_KEM, PrekeyKind.ONE_TIME_KEM, PrekeyKind.ONE_TIME), start=7
    )
)
ALL = (SIGNED, LAST_RESORT, ONE_TIME_KEM, ONE_TIME)


def _title(kind: PrekeyKind) -> str:
    return kind.name.lower().replace("_", " ")


def _create(private: PrivatePrekey) -> Case:
    return {
        "name": f"create {_title(private.kind)}",
        "check": "create",
        "expect": "ok",
        "device_id": BO.device.device_id,
        "device_signing_private": BO.device.signing.raw,
        "private": private.pack(),
        "public": private.public(BO.device).pack(),
    }


def _resigned(body: bytes) -> bytes:
    return body + BO.device.signing.sign("prekey", BO.device.device_id + body)


def _prekey() -> list[Case]:
    signed = SIGNED.public(BO.device).pack()
    body = signed[:-64]
    one_time = ONE_TIME.public(BO.device).pack()
    kem = LAST_RESORT.public(BO.device).pack()
    bad = (
        ("newer version", "unknown-version", _resigned(b"\x02" + body[1:])),
        ("kind 0", "malformed", _resigned(body[:1] + b"\x00" + body[2:])),
        ("kind 5", "malformed", _resigned(body[:1] + b"\x05" + body[2:])),
        ("id 0", "malformed", _resigned(body[:2] + bytes(4) + body[6:])),
        ("truncated", "malformed", signed[:-1]),
        ("one byte more", "malformed", signed + b"\x00"),
        ("empty", "malformed", b""),
        ("zero key", "weak-key", _resigned(body[:10] + bytes(32))),
        ("ML-KEM key out of range", "weak-key", _resigned(kem[:10] + b"\xff" * 1184)),
        ("one-time, zero key", "weak-key", one_time[:6] + bytes(32)),
        ("one-time, one byte more", "malformed", one_time + b"\x00"),
        ("kind changed after signing", "bad-signature", kem[:1] + b"\x03" + kem[2:]),
        ("id changed after signing", "bad-signature", flipped(signed, 5)),
        ("day changed after signing", "bad-signature", flipped(signed, 9)),
        ("key changed after signing", "bad-signature", flipped(kem, 700)),
        ("signature changed", "bad-signature", flipped(signed, len(signed) - 1)),
        ("of another device", "bad-signature", SIGNED.public(MALLORY.device).pack()),
        ("signed for another device id", "bad-signature", _signed_for_another_id()),
    )
    fields = {"check": "prekey", "entry": BO.device.entry.pack(), "today": DAY}
    days = ((90, "ok"), (-1, "ok"), (91, "not-valid-now"), (-2, "not-valid-now"))
    return [
        *(
            {"name": f"prekey: {n}", **fields, "expect": expect, "raw": raw}
            for n, expect, raw in (("signed", "ok", signed), ("last resort", "ok", kem), *bad)
        ),
        *(
            {"name": f"prekey: {age} days old", **fields, "today": DAY + age, "expect": expect, "raw": signed}
            for age, expect in days
        ),
    ]


def _signed_for_another_id() -> bytes:
    return SIGNED.public(replace(BO.device, device_id=MALLORY.device.device_id)).pack()


def _bundle() -> list[Case]:
    signed, kem, one_time_kem, one_time = (private.public(BO.device).pack() for private in ALL)
    entry = BO.device.entry
    fields = {"check": "bundle", "entry": entry.pack(), "today": DAY, "signed": signed, "kem": kem}
    whole = {**fields, "one_time": one_time}
    bare = {**fields, "one_time": None}
    mallory = SIGNED.public(MALLORY.device).pack()
    return [
        {"name": "bundle", "expect": "ok", **whole},
        {"name": "bundle with a one-time KEM key", "expect": "ok", **whole, "kem": one_time_kem},
        {"name": "bundle of a first contact", "expect": "ok", **bare},
        {"name": "bundle without KEM key", "expect": "downgrade", **whole, "kem": None},
        {
            "name": "bundle of a suite 2 device",
            "expect": "ok",
            **whole,
            "kem": None,
            "entry": _classical(entry),
        },
        {
            "name": "bundle of a suite 2 device about to rise",
            "expect": "ok",
            **whole,
            "kem": mallory,
            "entry": _classical(entry),
        },
        {"name": "bundle with a KEM key as signed prekey", "expect": "malformed", **whole, "signed": kem},
        {"name": "bundle with an unsigned prekey", "expect": "malformed", **whole, "signed": one_time},
        {"name": "bundle with an X25519 key as KEM key", "expect": "malformed", **whole, "kem": signed},
        {
            "name": "bundle with a signed prekey as one-time",
            "expect": "malformed",
            **whole,
            "one_time": signed,
        },
        {"name": "bundle with another's prekey", "expect": "bad-signature", **whole, "signed": mallory},
        {
            "name": "bundle with a changed KEM key",
            "expect": "bad-signature",
            **whole,
            "kem": flipped(kem, 99),
        },
        {
            "name": "bundle for another device",
            "expect": "bad-signature",
            **whole,
            "entry": MALLORY.device.entry.pack(),
        },
        {"name": "bundle that is too old", "expect": "not-valid-now", **whole, "today": DAY + 91},
    ]


def _classical(entry: DeviceEntry) -> bytes:
    return replace(entry, suite=Suite.CLASSICAL).pack()


def _private() -> list[Case]:
    raw = SIGNED.pack()
    cases = [("ok", private.pack(), _title(private.kind)) for private in ALL]
    cases += [
        ("unknown-version", b"\x02" + raw[1:], "newer version"),
        ("malformed", raw[:-1], "truncated"),
        ("malformed", raw + b"\x00", "one byte more"),
        ("malformed", raw[:1] + b"\x02" + raw[2:], "seed too short"),
    ]
    return [{"name": f"private {n}", "check": "private", "expect": e, "raw": r} for e, r, n in cases]


def cases() -> list[Case]:
    return [*(_create(private) for private in ALL), *_prekey(), *_bundle(), *_private()]
