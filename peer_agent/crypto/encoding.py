"""Fixed binary layouts: big-endian numbers, exact lengths, zero padding. Spec: docs/spec/encoding.md"""

from .errors import Malformed, UnknownVersion

VERSION = 1


def label(what: str) -> bytes:
    """Domain label `mesa/<what>/1`, ended by a zero byte so that no label is the beginning of another."""
    return f"mesa/{what}/{VERSION}".encode("ascii") + b"\x00"


def u8(value: int) -> bytes:
    return _number(value, 1)


def u16(value: int) -> bytes:
    return _number(value, 2)


def u32(value: int) -> bytes:
    return _number(value, 4)


def u64(value: int) -> bytes:
    return _number(value, 8)


def _number(value: int, size: int) -> bytes:
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise Malformed from None


def exactly(raw: bytes, size: int) -> bytes:
    """Pass bytes through if they have the right length.

    Raises:
        Malformed: any other length.
    """
    if len(raw) != size:
        raise Malformed
    return raw


def pad(raw: bytes, step: int) -> bytes:
    """Append zeros up to the next multiple of `step` bytes."""
    return raw + bytes(-len(raw) % step)


class Reader:
    """Takes a layout apart from front to back.

    Every method raises Malformed when the bytes run out.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def taken(self) -> bytes:
        """All bytes read so far: what a signature at the end of a layout covers."""
        return self._raw[: self._at]

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._raw):
            raise Malformed
        part = self._raw[self._at : end]
        self._at = end
        return part

    def rest(self) -> bytes:
        return self.take(len(self._raw) - self._at)

    def u8(self) -> int:
        return int.from_bytes(self.take(1), "big")

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def version(self) -> None:
        """Read the version byte.

        Raises:
            UnknownVersion: not the one this code has.
        """
        if self.u8() != VERSION:
            raise UnknownVersion

    def text(self, size: int) -> str:
        """Read UTF-8.

        Raises:
            Malformed: also for bytes that are not strict UTF-8.
        """
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed from None

    def zeros(self, size: int) -> None:
        """Read reserved or padding bytes.

        Raises:
            Malformed: also for any that is not zero.
        """
        if any(self.take(size)):
            raise Malformed

    def padding(self, step: int) -> None:
        """Read what `pad` appended, to the end, and nothing more.

        Raises:
            Malformed: also for more or fewer zeros than the next multiple of `step` bytes needs.
        """
        self.zeros(-self._at % step)
        self.finish()

    def finish(self) -> None:
        """Insist on the end.

        Raises:
            Malformed: bytes are left over.
        """
        if self._at != len(self._raw):
            raise Malformed
