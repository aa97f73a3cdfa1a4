"""What sealed records were opened to, for as long as they stay the same: some are read with every message.

A value counts only beside the very bytes it was opened from, so a change that was rolled back, or that
another process made, is seen like any other.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class OpenedRecords(Generic[_Key, _Value]):
    """The last records of a table that were read or written; beyond `limit` the one longest unused goes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._opened: OrderedDict[_Key, tuple[bytes, _Value]] = OrderedDict()

    def read(self, key: _Key, record: bytes, open_record: Callable[[], _Value]) -> _Value:
        """The value of a record, opened if it is not known or has changed."""
        known = self._opened.get(key)
        if known is not None and known[0] == record:
            self._opened.move_to_end(key)
            return known[1]
        return self.note(key, record, open_record())

    def note(self, key: _Key, record: bytes, value: _Value) -> _Value:
        """Remember a record that was just sealed, or opened."""
        self._opened[key] = record, value
        self._opened.move_to_end(key)
        if len(self._opened) > self._limit:
            self._opened.popitem(last=False)
        return value
