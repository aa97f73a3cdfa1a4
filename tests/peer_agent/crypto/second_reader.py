"""Layouts read a second time, from their pages and without the agent's code: is this something to accept?

Spec: identity.md, handshake.md, ratchet.md, messages.md and sealing.md in docs/spec
"""

import uuid
from collections.abc import Callable

from accounts.layouts import Refused
from accounts.statements import check_exchange_key, check_signing_key

SIGNATURE_BYTES = 64
ENTRY_BYTES = 81
_STATEMENT_HEAD_BYTES = 42
# Of each kind of statement.
_SIGNATURES = (2, 2, 1, 1, 2, 2)
_HANDSHAKE_BYTES = 1_216
_RATCHET_BYTES = 16 + 41 + 28
_MESSAGE_HEAD_BYTES = 59
_MESSAGE_STEP_BYTES = 256
_POST_STEP_BYTES = 4_096
_LONGEST_BODY_BYTES = 65_536
_LONGEST_GREETING = 500
_SIZES_BY_KIND = {4: 0, 5: 32, 6: 64, 7: 0}


def is_statement(raw: bytes, number: int, previous: bytes) -> bool:
    """Tell whether a statement can be read that is said to stand at a place; nobody looks at signatures."""
    if len(raw) < _STATEMENT_HEAD_BYTES or raw[0] != 1 or raw[2:38] != number.to_bytes(4, "big") + previous:
        return False
    kind = raw[1]
    if kind >= len(_SIGNATURES) or (kind == 0) != (number == 0):
        return False
    end = len(raw) - SIGNATURE_BYTES * _SIGNATURES[kind]
    return end > _STATEMENT_HEAD_BYTES and _is_change(kind, raw[_STATEMENT_HEAD_BYTES:end])


def _is_change(kind: int, said: bytes) -> bool:
    match kind:
        case 0:
            at = 1 + said[0]
            return _is_name(said[1:at]) and is_entry(said[at:-32]) and _is_signing_key(said[-32:])
        case 1:
            return is_entry(said[16:])
        case 2:
            return len(said) == 32
        case 3:
            return len(said) == 17 and said[16] in (1, 2)
        case 4:
            return len(said) == 48 and not any(said[:16]) and _is_signing_key(said[16:])
    return not any(said[:16]) and is_entry(said[16:])


def is_entry(raw: bytes) -> bool:
    """Tell whether this is a device entry."""
    if len(raw) != ENTRY_BYTES or raw[80] not in (1, 2) or uuid.UUID(bytes=raw[:16]).version != 4:
        return False
    return _is_signing_key(raw[16:48]) and _is_exchange_key(raw[48:80])


def is_envelope(raw: bytes) -> bool:
    """Tell whether this is an envelope, as far as one can see from outside."""
    if raw[:1] == b"\x02":
        return len(raw) >= 1 + _RATCHET_BYTES
    if raw[:1] != b"\x01" or len(raw) < 1 + _HANDSHAKE_BYTES + _RATCHET_BYTES:
        return False
    header = raw[1 : 1 + _HANDSHAKE_BYTES]
    is_good = header[0] == 1 and is_entry(header[2:83]) and _is_exchange_key(header[83:115])
    return is_good and any(header[115:119]) and _is_kem_part(header[1], header[123:])


def _is_kem_part(suite: int, raw: bytes) -> bool:
    if suite == 2:
        return not any(raw)
    return suite == 1 and raw[0] in (2, 3) and any(raw[1:5])


def is_message(raw: bytes) -> bool:
    """Tell whether this is a plaintext."""
    if len(raw) < _MESSAGE_HEAD_BYTES or raw[0] != 1 or raw[58] > 8:
        return False
    at = _MESSAGE_HEAD_BYTES + 16 * raw[58]
    size = int.from_bytes(raw[at : at + 4], "big")
    end = at + 4 + size
    if size > _LONGEST_BODY_BYTES or not _is_padded(raw, end, _MESSAGE_STEP_BYTES):
        return False
    return _is_body(raw[1], raw[at + 4 : end])


def _is_body(kind: int, body: bytes) -> bool:
    if kind in _SIZES_BY_KIND:
        return len(body) == _SIZES_BY_KIND[kind]
    if kind == 1:
        return bool(body) and _code_points(body) is not None
    if kind not in (2, 3):
        return True
    end = 2 + int.from_bytes(body[:2], "big") + 32
    if kind == 3:
        return len(body) == end
    signs = _code_points(body[end + 2 :])
    is_whole = len(body) == end + 2 + int.from_bytes(body[end : end + 2], "big")
    return is_whole and signs is not None and signs <= _LONGEST_GREETING


def is_post(plaintext: bytes) -> bool:
    """Tell whether a post holds an envelope."""
    size = int.from_bytes(plaintext[:4], "big")
    is_sized = 0 < len(plaintext) <= _LONGEST_BODY_BYTES and size > 0
    return is_sized and _is_padded(plaintext, 4 + size, _POST_STEP_BYTES)


def _is_padded(raw: bytes, end: int, step: int) -> bool:
    return len(raw) == -(-end // step) * step and not any(raw[end:])


def _is_name(raw: bytes) -> bool:
    name = raw.decode(errors="replace")
    forbidden = any(sign <= " " or sign == "\x7f" or "A" <= sign <= "Z" for sign in name)
    return 1 <= len(raw) <= 64 and _code_points(raw) is not None and not forbidden


def _code_points(raw: bytes) -> int | None:
    try:
        return len(raw.decode())
    except UnicodeDecodeError:
        return None


def _is_signing_key(raw: bytes) -> bool:
    return len(raw) == 32 and _passes(check_signing_key, raw)


def _is_exchange_key(raw: bytes) -> bool:
    return len(raw) == 32 and _passes(check_exchange_key, raw)


def _passes(check: Callable[[bytes], object], raw: bytes) -> bool:
    try:
        check(raw)
    except Refused:
        return False
    return True
