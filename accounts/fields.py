"""Values of request bodies that DRF's own fields read too kindly. Used by the apps above, too.

Spec: docs/spec/rest.md, section "Terms and notation"
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from rest_framework import serializers

from p2p.protocol.errors import BadFrame
from p2p.protocol.fields import b64_bytes, b64_text


class StrictSerializer(serializers.Serializer):
    """A body with exactly its keys: one that is not known is refused, none may be missing."""

    default_error_messages = {"unknown": "No such key."}  # noqa: RUF012 (DRF collects these from the class)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(key) for key in data.keys() - self.fields.keys())
            if unknown:
                raise serializers.ValidationError({"unknown": [self.error_messages["unknown"]]})
        return super().to_internal_value(data)


class Bytes(serializers.Field):
    """Canonical base64url without padding, of one of the sizes, or of `at_most` bytes."""

    default_error_messages = {  # noqa: RUF012 (DRF collects these from the class)
        "form": "Not canonical base64url without padding.",
        "size": "Not of the right size.",
    }

    def __init__(
        self,
        *,
        sizes: Collection[int] | None = None,
        at_most: int | None = None,
        allow_null: bool = False,
        required: bool = True,
    ) -> None:
        super().__init__(allow_null=allow_null, required=required)
        self.sizes = sizes
        self.at_most = at_most

    def to_internal_value(self, data: Any) -> bytes:
        try:
            raw = b64_bytes(data)
        except BadFrame:
            self.fail("form")
        fits = len(raw) in self.sizes if self.sizes else 1 <= len(raw) <= (self.at_most or 0)
        if not fits:
            self.fail("size")
        return raw

    def to_representation(self, value: bytes) -> str:
        return b64_text(bytes(value))


class Id(serializers.Field):
    """A UUIDv4 in lower-case canonical text."""

    default_error_messages = {"form": "Not a UUIDv4 in lower-case canonical text."}  # noqa: RUF012 (as above)

    def to_internal_value(self, data: Any) -> uuid.UUID:
        try:
            parsed = uuid.UUID(data) if isinstance(data, str) else None
        except ValueError:
            parsed = None
        if parsed is None or str(parsed) != data or parsed.version != 4:
            self.fail("form")
        return parsed

    def to_representation(self, value: uuid.UUID) -> str:
        return str(value)


class Flag(serializers.BooleanField):
    """`true` or `false`, and nothing that resembles them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Text(serializers.CharField):
    """A text as it was sent: not trimmed, and not made out of a number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Items(serializers.ListField):
    """A list of bounded length without repetitions."""

    default_error_messages = {"repeated": "An entry stands twice."}  # noqa: RUF012 (as above)

    def __init__(self, child: serializers.Field, *, at_least: int, at_most: int) -> None:
        super().__init__(child=child, min_length=at_least, max_length=at_most)

    def to_internal_value(self, data: Any) -> list[Any]:
        # Before each entry is read: a million of them must not cost a million checks.
        if isinstance(data, list) and len(data) > (self.max_length or 0):
            self.fail("max_length", max_length=self.max_length)
        entries = super().to_internal_value(data)
        if len(set(entries)) != len(entries):
            self.fail("repeated")
        return entries
