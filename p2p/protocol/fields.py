"""Codecs of single JSON values in a frame: strict, and what parses writes back to the same text.

Spec: docs/spec/signaling.md, section "Terms and notation"
"""

import base64
import binascii
import dataclasses
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from p2p.protocol.errors import BadFrame

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

SDP_BYTES = 6_000
SDP_TEXT = re.compile(r"[\x20-\x7e\r\n]+")
SDP_ESCAPED = '"\\\r\n'
TEXT_CHARACTERS = 512
MAX_REVISION = 2**53 - 1


@dataclass(frozen=True)
class Codec(Generic[T]):
    """How one value is read from JSON and written back."""

    parse: Callable[[object], T]
    to_json: Callable[[T], object]


def wire(codec: Codec[T], *, is_secret: bool = False) -> T:
    """Declare a frame's field; its type is what the codec parses. A secret does not show in a repr."""
    field: Any = dataclasses.field(metadata={"codec": codec}, repr=not is_secret)
    return field  # type: ignore[no-any-return]  # dataclasses.field stands for the value it declares


def b64_text(raw: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def b64_bytes(value: object) -> bytes:
    """Read canonical base64url without padding.

    Raises:
        BadFrame: not a text, or another text than `b64_text` writes.
    """
    if not isinstance(value, str):
        raise BadFrame("a binary value is not a text")
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadFrame("a binary value is not base64url") from None
    if b64_text(raw) != value:
        raise BadFrame("a binary value is not canonical")
    return raw


def binary(length: int) -> Codec[bytes]:
    """Exactly `length` bytes."""

    def parse(value: object) -> bytes:
        raw = b64_bytes(value)
        if len(raw) != length:
            raise BadFrame("a binary value has the wrong length")
        return raw

    return Codec(parse, b64_text)


def binary_up_to(length: int) -> Codec[bytes]:
    """1 to `length` bytes."""

    def parse(value: object) -> bytes:
        raw = b64_bytes(value)
        if not 1 <= len(raw) <= length:
            raise BadFrame("a binary value has the wrong length")
        return raw

    return Codec(parse, b64_text)


def number(lowest: int, highest: int) -> Codec[int]:
    """A whole number in a closed range; `true` is not a number."""

    def parse(value: object) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise BadFrame("a number is missing or out of range")
        return value

    return Codec(parse, lambda value: value)


def choice(enum: type[E]) -> Codec[E]:
    """One member of a closed set of words."""

    def parse(value: object) -> E:
        if not isinstance(value, str):
            raise BadFrame("a word is not a text")
        try:
            return enum(value)
        except ValueError:
            raise BadFrame("a word is not in its set") from None

    return Codec(parse, lambda value: value.value)


def optional(codec: Codec[T]) -> Codec[T | None]:
    """The value, or null."""
    return Codec(
        lambda value: None if value is None else codec.parse(value),
        lambda value: None if value is None else codec.to_json(value),
    )


def listed(codec: Codec[T], at_most: int, *, at_least: int = 0) -> Codec[tuple[T, ...]]:
    """A list of bounded length."""

    def parse(value: object) -> tuple[T, ...]:
        if not isinstance(value, list) or not at_least <= len(value) <= at_most:
            raise BadFrame("a list is missing or has the wrong length")
        return tuple(codec.parse(item) for item in value)

    def to_json(items: tuple[T, ...]) -> list[object]:
        return [codec.to_json(item) for item in items]

    return Codec(parse, to_json)


def parse_record(record: type[T], value: object) -> T:
    """Read a JSON object into a dataclass declared with `wire` fields.

    Raises:
        BadFrame: not an object, a key is unknown or missing, or a value does not parse.
    """
    fields = dataclasses.fields(record)  # type: ignore[arg-type]  # T is always a dataclass declared with wire()
    if not isinstance(value, dict) or value.keys() != {field.name.rstrip("_") for field in fields}:
        raise BadFrame("an object does not have exactly its keys")
    parsed = {field.name: field.metadata["codec"].parse(value[field.name.rstrip("_")]) for field in fields}
    return record(**parsed)


def record_json(value: object) -> dict[str, object]:
    """Write such a dataclass as a JSON object, keys in the order of the spec.

    A trailing underscore in a field's name (`in_`) is not on the wire.
    """
    return {
        field.name.rstrip("_"): field.metadata["codec"].to_json(getattr(value, field.name))
        for field in dataclasses.fields(value)  # type: ignore[arg-type]  # always a dataclass declared with wire()
    }


def record(kind: type[T]) -> Codec[T]:
    """A nested object."""
    return Codec(lambda value: parse_record(kind, value), record_json)


def _parse_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadFrame("a flag is not true or false")
    return value


def _parse_uuid(value: object) -> uuid.UUID:
    if not isinstance(value, str):
        raise BadFrame("an id is not a text")
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        raise BadFrame("an id is not a UUID") from None
    if str(parsed) != value or parsed.version != 4:
        raise BadFrame("an id is not canonical")
    return parsed


def _parse_sdp(value: object) -> str:
    if not isinstance(value, str) or not SDP_TEXT.fullmatch(value):
        raise BadFrame("a description is not printable ASCII")
    # Counted as written in JSON: a description full of quotes would not fit the order that passes it on.
    if len(value) + sum(map(value.count, SDP_ESCAPED)) > SDP_BYTES:
        raise BadFrame("a description is too long")
    return value


def _parse_text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_CHARACTERS:
        raise BadFrame("a text is missing or too long")
    if not value.isascii() or not value.isprintable():
        raise BadFrame("a text is not printable ASCII")
    return value


flag = Codec(_parse_flag, lambda value: value)
uuid4 = Codec(_parse_uuid, str)
sdp = Codec(_parse_sdp, lambda value: value)
text = Codec(_parse_text, lambda value: value)
