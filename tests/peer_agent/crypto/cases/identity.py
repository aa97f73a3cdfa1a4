"""Vectors of docs/spec/identity.md."""

from dataclasses import replace

from peer_agent.crypto import identity as i
from peer_agent.crypto.chain import verify_chain
from peer_agent.crypto.primitives import Ed25519Private
from peer_agent.crypto.statements import create_first_statement

from ..people import ADA, BO, DAY
from ..vector_files import Case, Drawn, flipped
from . import chains

CHALLENGE = Drawn("challenge")(32)
_NAME_AT, _ENTRY_AT = 43, 46
_RECOVERY_AT = _ENTRY_AT + i.ENTRY_BYTES


def resigned(body: bytes, device: Ed25519Private, recovery: Ed25519Private) -> bytes:
    """A statement with valid signatures over whatever body."""
    return body + device.sign("statement", body) + recovery.sign("statement", body)


def _statement() -> list[Case]:
    out: list[Case] = []
    for person, name, suite in ((ADA, "ada", 1), (BO, "žąsis.bo", 2)):
        device = replace(person.device, suite=i.Suite(suite))
        made = create_first_statement(name, device, person.recovery, day=DAY)
        found = verify_chain([made])
        out.append(
            {
                "name": f"statement of {name}",
                "check": "statement",
                "expect": "ok",
                "user_name": name,
                "day": DAY,
                "suite": suite,
                "device_id": person.device.device_id,
                "device_signing_private": person.device.signing.raw,
                "device_agreement_private": person.device.agreement.raw,
                "recovery_code": person.code,
                "statement": made,
                "fingerprint": found.fingerprint,
            }
        )
    return out


def _chain() -> list[Case]:
    good = ADA.statement
    out: list[Case] = []
    for name, expect, statements in _bad_chains(good):
        out.append({"name": f"chain: {name}", "check": "chain", "expect": expect, "statements": statements})
    return out


def _bad_chains(good: bytes) -> list[tuple[str, str, list[bytes]]]:
    body = good[:-128]
    device, recovery, other = ADA.device.signing, ADA.recovery.signing, BO.recovery.signing

    def changed(at: int, new: bytes) -> list[bytes]:
        return [resigned(body[:at] + new + body[at + len(new) :], device, recovery)]

    def named(name: bytes) -> list[bytes]:
        return [resigned(body[:42] + bytes([len(name)]) + name + body[_ENTRY_AT:], device, recovery)]

    following = b"\x01\x07" + (1).to_bytes(4, "big") + ADA.identity.head + body[38:42] + bytes(64)
    return [
        ("empty", "malformed", []),
        ("newer version", "unknown-version", changed(0, b"\x02")),
        ("unknown kind at place 0", "unknown-statement", changed(1, b"\x07")),
        ("number 1 at place 0", "broken-chain", changed(2, b"\x00\x00\x00\x01")),
        ("previous hash at place 0", "broken-chain", changed(6, b"\x01")),
        ("unknown kind at place 1", "unknown-statement", [good, following]),
        ("wrong previous hash at place 1", "broken-chain", [good, flipped(following, 10)]),
        ("wrong number at place 1", "broken-chain", [good, flipped(following, 5, 1)]),
        ("first device at place 1", "broken-chain", [good, following[:1] + b"\x00" + following[2:]]),
        ("statement 0 twice", "broken-chain", [good, good]),
        ("suite 0", "unsupported-suite", changed(_ENTRY_AT + 80, b"\x00")),
        ("suite 3", "unsupported-suite", changed(_ENTRY_AT + 80, b"\x03")),
        ("zero Ed25519 device key", "weak-key", changed(_ENTRY_AT + 16, bytes(32))),
        ("zero X25519 device key", "weak-key", changed(_ENTRY_AT + 48, bytes(32))),
        ("zero recovery key", "weak-key", changed(_RECOVERY_AT, bytes(32))),
        ("truncated by one", "malformed", [good[:-1]]),
        ("truncated in the name", "malformed", [good[: _NAME_AT + 1]]),
        ("nothing but a version", "malformed", [good[:1]]),
        ("one byte more", "malformed", [good + b"\x00"]),
        ("empty name", "malformed", named(b"")),
        ("name of 65 bytes", "malformed", named(b"a" * 65)),
        ("name with an upper-case letter", "malformed", named(b"Ada")),
        ("name with a space", "malformed", named(b"a da")),
        ("name with a control byte", "malformed", named(b"a\x7f")),
        ("name that is not UTF-8", "malformed", named(b"a\xff\xfe")),
        ("recovery key is the device key", "weak-key", [_one_key(body)]),
        ("signed by a foreign device key", "bad-signature", [resigned(body, other, recovery)]),
        ("signed by a foreign recovery key", "bad-signature", [resigned(body, device, other)]),
        ("signatures swapped", "bad-signature", [body + good[-64:] + good[-128:-64]]),
        ("name changed after signing", "bad-signature", [good[:_NAME_AT] + b"b" + good[_NAME_AT + 1 :]]),
        ("day changed after signing", "bad-signature", [flipped(good, 41)]),
        ("flipped bit in the first signature", "bad-signature", [flipped(good, len(good) - 100)]),
        ("flipped bit in the second signature", "bad-signature", [flipped(good, len(good) - 1)]),
    ]


def _one_key(body: bytes) -> bytes:
    key = ADA.device.signing
    return resigned(body[:_RECOVERY_AT] + key.public.raw, key, key)


def _packed() -> list[Case]:
    chain = ADA.chain
    good: Case = {"name": "packed chain", "check": "packed-chain", "expect": "ok", "chain": chain}
    bad = (
        ("newer version", "unknown-version", b"\x02" + chain[1:]),
        ("no statement", "malformed", b"\x01\x00"),
        ("65 statements", "malformed", b"\x01\x41" + 65 * b"\x00\x00"),
        ("count too high", "malformed", flipped(chain, 1, 1)),
        ("count too low", "malformed", b"\x01\x00" + chain[2:]),
        ("truncated", "malformed", chain[:-1]),
        ("one byte more", "malformed", chain + b"\x00"),
    )
    return [
        {**good, "statements": [ADA.statement]},
        *({**good, "name": f"packed chain: {n}", "expect": e, "chain": c} for n, e, c in bad),
    ]


def _recovery_code() -> list[Case]:
    code = ADA.code
    grouped = "-".join(code[at : at + 5] for at in range(0, 26, 5))
    lookalike = "".join({"0": "o", "1": "l"}.get(sign, sign.lower()) for sign in "01" + code[2:])
    good = ((code, code), (grouped.lower(), code), (f" {grouped} ", code), (lookalike, "01" + code[2:]))
    out: list[Case] = []
    for number, (typed, meant) in enumerate(good):
        key = i.RecoveryKey.from_code(i.RecoveryCode(meant)).signing
        shown = {"typed": typed, "code": meant, "private": key.raw, "public": key.public.raw}
        out.append({"name": f"recovery code {number}", "check": "recovery-code", "expect": "ok", **shown})
    for name, typed in (
        ("too short", code[:-1]),
        ("too long", code + "0"),
        ("with a U", "U" + code[1:]),
        ("with an umlaut", "Ö" + code[1:]),
        ("empty", ""),
    ):
        refused = {"expect": "bad-recovery-code", "typed": typed}
        out.append({"name": f"recovery code {name}", "check": "recovery-code", **refused})
    return out


def _proofs() -> list[Case]:
    device, recovery = ADA.device, ADA.recovery
    login = {
        "name": "login proof",
        "check": "login-proof",
        "expect": "ok",
        "device_id": device.device_id,
        "private": device.signing.raw,
        "public": device.signing.public.raw,
        "challenge": CHALLENGE,
        "signature": device.prove_login(CHALLENGE),
    }
    recover = {
        "name": "recovery proof",
        "check": "recovery-proof",
        "expect": "ok",
        "fingerprint": ADA.identity.fingerprint,
        "private": recovery.signing.raw,
        "public": recovery.signing.public.raw,
        "challenge": CHALLENGE,
        "signature": recovery.signing.sign("recover", ADA.identity.fingerprint + CHALLENGE),
    }
    return [
        login,
        {
            **login,
            "name": "login proof of another challenge",
            "expect": "bad-signature",
            "challenge": bytes(32),
        },
        {
            **login,
            "name": "login proof of another device",
            "expect": "bad-signature",
            "device_id": BO.device.device_id,
        },
        recover,
        {
            **recover,
            "name": "recovery proof of another identity",
            "expect": "bad-signature",
            "fingerprint": BO.identity.fingerprint,
        },
        {
            **recover,
            "name": "recovery proof by the device",
            "expect": "bad-signature",
            "public": login["public"],
        },
    ]


def cases() -> list[Case]:
    number = i.safety_number(ADA.identity, BO.identity)
    pair = {"check": "safety-number", "expect": "ok", "safety_number": number}
    ada, bo = ADA.identity.fingerprint, BO.identity.fingerprint
    keys = {"check": "device-keys"}
    raw = ADA.device.pack()
    return [
        *_statement(),
        *_chain(),
        *chains.cases(),
        *_packed(),
        *_recovery_code(),
        *_proofs(),
        {"name": "safety number", **pair, "one": ada, "other": bo},
        {"name": "safety number from the other side", **pair, "one": bo, "other": ada},
        {"name": "device keys", "expect": "ok", **keys, "raw": raw},
        {
            "name": "device keys: newer version",
            "expect": "unknown-version",
            **keys,
            "raw": flipped(raw, 0, 1),
        },
        {"name": "device keys: truncated", "expect": "malformed", **keys, "raw": raw[:-1]},
        {"name": "device keys: one byte more", "expect": "malformed", **keys, "raw": raw + b"\x00"},
    ]
