"""Read the fixed binary layouts that clients sign.

Spec: docs/spec/encoding.md
"""

VERSION = 1


class Refused(Exception):
    """Signed bytes do not verify. `reason` is an error name of the spec page."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reader:
    """Takes a layout apart from front to back; every method refuses when the bytes run out."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def taken(self) -> bytes:
        """All bytes read so far: what a signature that follows covers."""
        return self._raw[: self._at]

    def take(self, size: int) -> bytes:
        """Read `size` bytes.

        Raises:
            Refused: fewer are left.
        """
        part = self._raw[self._at : self._at + size]
        if len(part) != size:
            raise Refused("malformed")
        self._at += size
        return part

    def number(self, size: int) -> int:
        """Read an unsigned big-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def version(self) -> None:
        """Read the version byte.

        Raises:
            Refused: another version than this code has.
        """
        if self.number(1) != VERSION:
            raise Refused("unknown-version")

    def finish(self) -> None:
        """Insist on the end.

        Raises:
            Refused: bytes are left over.
        """
        if self._at != len(self._raw):
            raise Refused("malformed")
