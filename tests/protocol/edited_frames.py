"""Good frames with something wrong: other characters, or other values in a well-written document."""

import hashlib
import json
import re
from typing import Any

from p2p.protocol import frames
from p2p.protocol.limits import FRAME_STEP_BYTES
from tests.fuzz_edits import Good, edited, how, picked
from tests.protocol.example_frames import TO_PEER, TO_SERVER

# What readers of JSON disagree about, or take for something else.
ODD = (
    *("1.0", "-0", "1e1", "01", "NaN", "1E400", "true", "null", '""', "[]", "{}", "9" * 30),
    *(" ", "\\u0000", "\\ud800", "\u2028", "\ufeff", ",", "]", "}"),
)
_ODD_VALUES: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        3,
        4,
        8,
        9,
        65_535,
        65_536,
        2**31,
        2**31 + 1,
        2**53 - 1,
        2**53,
        10**30,
        1.0,
    ),
    *(
        "",
        "0",
        "A",
        "v=0",
        "open",
        "answer",
        "taken",
        "~" * 512,
        "~" * 513,
        "~" * 6_000,
        '"' * 3_001,
        "\x7f",
        "é",
    ),
    *([], {}, [None], [[]], {"": 0}, {"hop": "AAAAAAAAAAA"}),
)
_ALPHABET = "AQgwBCxyz059-_+/= =AZ\u00e9\n"
# The rest of a padded frame is nothing but padding.
_BODY_SIGNS = 2_000
_END = '"}'

Path = tuple[str | int, ...]


def _paths(value: object, path: Path = ()) -> list[Path]:
    """Where values are in a document, the document itself first."""
    if isinstance(value, dict):
        return [path, *(found for key in value for found in _paths(value[key], (*path, key)))]
    if isinstance(value, list):
        # All items of a list are alike.
        return [path, *(found for at in range(len(value[:3])) for found in _paths(value[at], (*path, at)))]
    return [path]


class _Document:
    """A good frame taken apart."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.content: dict[str, Any] = json.loads(text)
        self.is_padded = "pad" in self.content
        self.paths = _paths(self.content)[1:]
        self.values = [_at(self.content, path) for path in self.paths]


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


DOCUMENTS = {
    "to_server": [_Document(frames.to_text(frame)) for frame in TO_SERVER.values()],
    "to_peer": [_Document(frames.to_text(frame)) for frame in TO_PEER.values()],
}


def _form(value: object) -> object:
    """What values have in common that could stand for each other: a type, or the keys of an object."""
    return tuple(value) if isinstance(value, dict) else type(value)


# Values of one form in the documents of both directions, each once.
_ALIKE: dict[object, list[Any]] = {}
for _documents in DOCUMENTS.values():
    for _value in (value for document in _documents for value in document.values):
        if _value not in _ALIKE.setdefault(_form(_value), []):
            _ALIKE[_form(_value)].append(_value)


def edited_frame(direction: str, drawn: bytes) -> str:
    """The frame and the error that drawn bytes stand for."""
    document = picked(DOCUMENTS[direction], drawn)
    match how(drawn, 8):
        case 0:
            return _with_odd_signs(document.text, drawn)
        case 1:
            return _with_a_key_twice(document.text, drawn)
        case 2:
            return _with_other_bytes(document.text, drawn)
    return _with_other_values(document, drawn)


def _with_odd_signs(text: str, drawn: bytes) -> str:
    body, padding = text[:_BODY_SIGNS], text[_BODY_SIGNS:]
    at = int.from_bytes(drawn[4:6], "big") % len(body)
    return body[:at] + ODD[drawn[6] % len(ODD)] + body[at + drawn[7] % 6 :] + padding


def _with_a_key_twice(text: str, drawn: bytes) -> str:
    first = re.match(r'{("[a-z_]+":"[^"]*")', text)
    assert first is not None
    again = first[1] if drawn[15] % 16 == 1 else edited(Good(first[1].encode()), drawn).decode("latin-1")
    return f"{{{again},{text[1:]}"


def _with_other_bytes(text: str, drawn: bytes) -> str:
    body, padding = text[:_BODY_SIGNS], text[_BODY_SIGNS:]
    return edited(Good(body.encode()), drawn).decode("latin-1") + padding


def _with_other_values(document: _Document, drawn: bytes) -> str:
    content: Any = document.content
    for at in range(4, (8, 12, 12, 12)[drawn[3] % 4], 4):
        content = _with_other(content, document.paths, drawn[at : at + 4])
    if drawn[12] % 16 == 1 and isinstance(content, dict):
        content = dict(reversed(content.items()))
    text = _written(content, drawn[13])
    if not document.is_padded or drawn[12] % 16 == 2:
        return text
    return _padded(text, drawn[14])


def _with_other(content: Any, paths: list[Path], drawn: bytes) -> Any:
    """A document with one other value, one key more or one less."""
    path = paths[int.from_bytes(drawn[:2], "big") % len(paths)]
    sort, value = drawn[2], drawn[3]
    return _replaced(content, path, sort, value)


def _replaced(value: Any, path: Path, sort: int, drawn: int) -> Any:
    if not path:
        return _other(value, sort, drawn)
    step, *rest = path
    if isinstance(value, dict) and step in value:
        if not rest and sort % 16 == 0:
            return {key: value[key] for key in value if key != step}
        if not rest and sort % 16 == 1:
            return {
                **value,
                ("user", "pad", "type", f"{step}_")[drawn % 4]: _ODD_VALUES[drawn % len(_ODD_VALUES)],
            }
        return {**value, step: _replaced(value[step], tuple(rest), sort, drawn)}
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return [*value[:step], _replaced(value[step], tuple(rest), sort, drawn), *value[step + 1 :]]
    return value


def _other(value: Any, sort: int, drawn: int) -> Any:
    """Something in the place of a value: a little different, from somewhere else, or odd."""
    match sort % 4:
        case 0:
            alike = _ALIKE.get(_form(value), [None])
            return alike[(sort // 4 * 256 + drawn) % len(alike)]
        case 1:
            return _ODD_VALUES[drawn % len(_ODD_VALUES)]
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return bool(drawn % 2) if sort & 4 else value + drawn - 128
    if isinstance(value, list):
        return value[: drawn % (len(value) + 1)] if sort & 4 else _longer(value, drawn)
    return _other_text(value, sort, drawn) if isinstance(value, str) else value


def _longer(value: list[Any], drawn: int) -> list[Any]:
    """A list with some of its items again: one more, or very many of short ones."""
    more = 1 if drawn % 2 else len(value) * (drawn // 8)
    return [*value, *(value * 32)[:more]] if len(repr(value[:1])) < 500 else [*value, *value[:1]]


def _other_text(value: str, sort: int, drawn: int) -> str:
    sign = _ALPHABET[drawn % len(_ALPHABET)]
    at = len(value) - 1 if sort & 4 else drawn * 7 % (len(value) + 1)
    match sort // 8 % 4:
        case 0:
            return value[:at] + sign + value[at + 1 :]
        case 1:
            return value[:at] + value[at + 1 :]
        case 2:
            return value[:at] + sign * (1 + drawn % 4) + value[at:]
    # Other bytes of the same form: as often as not as good as before.
    signs = hashlib.shake_128(bytes([sort, drawn])).hexdigest(len(value) // 2 + 1)
    return (
        "".join(new if old.isalnum() else old for old, new in zip(value, signs, strict=False))
        + value[len(signs) :]
    )


def _written(content: Any, drawn: int) -> str:
    match drawn % 16:
        case 1:
            return json.dumps(content)
        case 2:
            return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        case 3:
            return json.dumps(content, separators=(",", ":")).replace("A", "\\u0041", 1)
    return json.dumps(content, separators=(",", ":"))


def _padded(text: str, drawn: int) -> str:
    """Fill a frame up again, now and then wrong."""
    bare = text.removesuffix(_END).rstrip("0")
    if not bare.endswith('"pad":"'):
        return text
    missing = -(len(bare) + len(_END)) % FRAME_STEP_BYTES
    more = {1: -1, 2: 1, 3: FRAME_STEP_BYTES}.get(drawn % 16, 0)
    return bare + ("0 1a"[drawn % 4] if drawn % 16 == 5 else "0") * max(0, missing + more) + _END
