"""Frames of the session socket read a second time, from their page and without the code.

Spec: docs/spec/signaling.md
"""

import json
import re
from collections.abc import Callable
from typing import Any

Is = Callable[[object], bool]
Keys = dict[str, Is]

_FRAME_BYTES = 65_536
_STEP_BYTES = 8_192
_PADDED = {"hello", "ice_client", "snapshot", "guard", "ready_to_receive"}
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SDP = re.compile(r"[ -~\r\n]+")
_TEXT = re.compile(r"[ -~]{1,512}")
_SDP_SIGNS = 6_000
# Of the keys in types with padding.
_ORDER = (
    *("type", "resume", "epoch", "links", "onion_key", "capabilities", "nat", "id", "offers", "tickets"),
    *(
        "hops",
        "transactions",
        "receipts",
        "conversations",
        "ticket",
        "in",
        "hop",
        "link",
        "how",
        "sdp",
        "offer",
        "out",
    ),
    *("tx", "state", "attempt", "entries", "digest", "mac", "credit", "stream", "index"),
    *("conversation", "revision", "pad"),
)


def _b64(at_most: int, at_least: int | None = None) -> Is:
    sizes = range(at_most if at_least is None else at_least, at_most + 1)

    def fits(value: object) -> bool:
        if not isinstance(value, str) or not set(value) <= set(_SIGNS):
            return False
        size, rest = divmod(len(value) * 6, 8)
        # What is left over of the last sign is no byte, and no place for anything else either.
        return rest < 6 and size in sizes and not (rest and _SIGNS.index(value[-1]) % 2**rest)

    return fits


def _number(lowest: int, highest: int) -> Is:
    return lambda value: type(value) is int and lowest <= value <= highest


def _word(*words: str) -> Is:
    return lambda value: isinstance(value, str) and value in words


def _or_null(is_good: Is) -> Is:
    return lambda value: value is None or is_good(value)


def _list(is_good: Is, at_most: int, at_least: int = 0) -> Is:
    return lambda value: (
        isinstance(value, list) and at_least <= len(value) <= at_most and all(map(is_good, value))
    )


def _object(keys: Keys, rule: Callable[[dict[str, Any]], bool] = lambda _: True) -> Is:
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == keys.keys()
        and all(is_good(value[key]) for key, is_good in keys.items())
        and rule(value)
    )


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID4.fullmatch(value) is not None


def _text(value: object) -> bool:
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def _sdp(value: object) -> bool:
    if not isinstance(value, str) or not _SDP.fullmatch(value):
        return False
    return len(json.dumps(value)) - 2 <= _SDP_SIGNS


def _says_something(receipt: dict[str, Any]) -> bool:
    return bool(receipt["entries"]) or receipt["credit"] is not None


def _is_order_kind(order: dict[str, Any]) -> bool:
    given = order["sdp"] is not None, order["offer"] is not None
    return bool(
        given == {"open": (False, False), "answer": (True, False), "taken": (False, True)}[order["how"]]
    )


def _order(*kinds: str) -> Is:
    keys = {
        "hop": _b64(8),
        "link": _b64(16),
        "how": _word(*kinds),
        "sdp": _or_null(_sdp),
        "offer": _or_null(_b64(8)),
    }
    return _object(keys, _is_order_kind)


_CAUSE = _word(
    *("too_few_forwarders", "no_offer", "hop_failed", "peer_gone", "no_receipt", "superseded", "no_path"),
    *("idle", "lost"),
)
_ENTRIES = _list(_object({"digest": _b64(16), "mac": _b64(16)}), 64)
_CREDIT = _or_null(_object({"stream": _b64(8), "index": _number(0, 65_535)}))
_OFFER = {"id": _b64(8), "sdp": _sdp}
_ATTEMPT = _number(1, 65_535)
_ATTEMPTS = _number(0, 65_535)
_REVISION = _number(0, 2**53 - 1)
_RECEIPT = {"tx": _uuid, "entries": _ENTRIES, "credit": _CREDIT}
_ANSWER = {"link": _b64(16), "sdp": _sdp}
_ORDERS = {"in": _order("open", "answer"), "out": _order("open", "taken")}
_COUNT = _number(1, 2**31)
_ICE_SERVERS = _list(
    _object({"urls": _list(_text, 4, 1), "username": _or_null(_text), "credential": _or_null(_text)}), 4
)
_TRANSACTION = {"tx": _uuid, "state": _word("waiting", "finding", "open"), "attempt": _ATTEMPTS}

TO_SERVER: dict[str, Keys] = {
    "hello": {"resume": _or_null(_b64(32)), "epoch": _or_null(_b64(16)), "links": _list(_b64(16), 64)},
    "ice_client": {
        "onion_key": _b64(117),
        "capabilities": _object({"forward": _flag}),
        "nat": _word("unknown", "open", "cone", "symmetric"),
        "offers": _list(_object(_OFFER), 8),
        "tickets": _list(_b64(512, 1), 5),
    },
    "offer": _OFFER,
    "answer": _ANSWER,
    "link_up": {"link": _b64(16)},
    "link_down": {"link": _b64(16)},
    "hop_failed": {"hop": _b64(8)},
    "receipt": {"hop": _b64(8), "entries": _ENTRIES, "credit": _CREDIT},
    "complete": {"tx": _uuid},
    "repath": {"tx": _uuid, "attempt": _ATTEMPT},
    "path_keepalive": {"tx": _uuid},
    "watch": {"tokens": _list(_b64(32), 256)},
    "direct_offer": {"tx": _uuid, **_OFFER, "proof": _b64(32)},
    "direct_answer": {"hop": _b64(8), "sdp": _sdp, "proof": _b64(32)},
}
TO_PEER: dict[str, Keys] = {
    "welcome": {
        "versions": _list(_text, 4, 1),
        "ice_servers": _ICE_SERVERS,
        "limits": _object(
            {
                "frame_bytes": _COUNT,
                "frames_per_s": _COUNT,
                "offers": _number(1, 8),
                "sdp_bytes": _COUNT,
                "watch": _COUNT,
            }
        ),
        "epoch": _b64(16),
        "resume": _b64(32),
        "resumed": _flag,
    },
    "ice_servers": {"ice_servers": _ICE_SERVERS},
    "snapshot": {
        "hops": _list(_b64(8), 1_024),
        "transactions": _list(_object(_TRANSACTION), 256),
        "receipts": _list(_object(_RECEIPT, _says_something), 256),
        "conversations": _list(_object({"conversation": _uuid, "revision": _REVISION}), 256),
    },
    "guard": {"ticket": _b64(512, 1), **_ORDERS},
    "offer_wanted": {},
    "ready_to_receive": _ORDERS,
    "path_ready": {
        "tx": _uuid,
        "attempt": _ATTEMPT,
        "device": _uuid,
        "onion_key": _b64(117),
        "forwarders": _list(_b64(32), 3, 3),
        "hops": _list(_b64(8), 4, 4),
        "link": _b64(16),
    },
    "answer": _ANSWER,
    "link_drop": {"link": _b64(16)},
    "receipt": _RECEIPT,
    "attempt_failed": {
        "tx": _uuid,
        "attempt": _ATTEMPTS,
        "cause": _CAUSE,
        "forwarders": _or_null(_number(0, 3)),
    },
    "transaction_ended": {"tx": _uuid, "state": _word("completed", "failed"), "cause": _or_null(_CAUSE)},
    "contact_online": {"token": _b64(32)},
    "mailbox": {},
    "refresh": {"conversation": _uuid, "revision": _REVISION},
    "session_end": {"cause": _word("logout", "expired", "revoked", "removed")},
    "direct_asked": {"token": _b64(32), "hop": _b64(8), "sdp": _sdp, "proof": _b64(32)},
    "direct_ready": {
        **{"tx": _uuid, "attempt": _ATTEMPT, "device": _uuid, "hop": _b64(8), "offer": _b64(8)},
        **{"sdp": _sdp, "proof": _b64(32)},
    },
}


def is_frame(text: str, kinds: dict[str, Keys]) -> bool:
    """Tell whether a text is a frame of one direction."""
    content = _read(text)
    if content is None or not isinstance(content.get("type"), str) or content["type"] not in kinds:
        return False
    kind, keys = content["type"], kinds[content["type"]]
    if kind in _PADDED and not _is_padded(text, content):
        return False
    said = {
        key: value
        for key, value in content.items()
        if key != "type" and (key, kind in _PADDED) != ("pad", True)
    }
    is_receipt = kind == "receipt"
    return _object(keys)(said) and (not is_receipt or _says_something(said))


def _read(text: str) -> dict[str, Any] | None:
    twice = False

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal twice
        twice |= len({key for key, _ in pairs}) < len(pairs)
        return dict(pairs)

    if len(text.encode("utf-8", "surrogatepass")) > _FRAME_BYTES:
        return None
    try:
        content = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and not twice else None


def _is_padded(text: str, content: dict[str, Any]) -> bool:
    """Tell whether a frame is canonical and ends in as few zeros as make it whole steps."""
    pad = content.get("pad")
    if not isinstance(pad, str) or pad.strip("0") or len(pad) >= _STEP_BYTES or len(text) % _STEP_BYTES:
        return False
    return json.dumps(content, separators=(",", ":")) == text and _is_in_order(content)


def _is_in_order(value: object) -> bool:
    """Tell whether all keys stand in the order of the page, in which no two of these stand both ways."""
    if isinstance(value, list):
        return all(map(_is_in_order, value))
    if not isinstance(value, dict):
        return True
    places = [_ORDER.index(key) for key in value if key in _ORDER]
    return places == sorted(places) and all(map(_is_in_order, value.values()))
