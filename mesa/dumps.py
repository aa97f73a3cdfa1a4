"""Everything the server holds, as plain values: all rows of all tables and all keys of the store.

For the demo and the privacy tests, which compare two dumps or search one for what must not be there.
"""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from mesa.traces import pieces_in, pieces_of

Rows = dict[str, dict[str, Any]]
Dump = dict[str, Rows]
STORE = "store"
# Keys that list what many users do at one time, each for itself: who forwards, what is due, tasks.
LISTS = re.compile(r"mesa:(networks|network:.+|deadlines|turns)|broker:.+")


def take_dump() -> Dump:
    """Read every table (by primary key or place) and the whole store (by key)."""
    return {**_database(), STORE: _store()}


@dataclass(frozen=True, slots=True)
class Difference:
    """One row or key that one dump has and the other has not, or has otherwise."""

    where: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def changed_fields(self) -> tuple[str, ...]:
        """Name the fields that differ."""
        before, after = dict(self.before or {}), dict(self.after or {})
        return tuple(sorted(field for field in before | after if before.get(field) != after.get(field)))


def differences(before: Dump, after: Dump) -> Iterator[Difference]:
    """Compare two dumps, table by table."""
    for where in sorted(before.keys() | after.keys()):
        old, new = before.get(where, {}), after.get(where, {})
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield Difference(where, name, old.get(name), new.get(name))


@dataclass(frozen=True, slots=True)
class User:
    """What names a user: the name as JSON has it, and every piece of the ids of the user and its devices."""

    name: str
    pieces: frozenset[bytes]

    def is_named_in(self, text: str, pieces: frozenset[bytes]) -> bool:
        """Tell whether a text, cut into its pieces, names this user."""
        return not self.pieces.isdisjoint(pieces) or self.name in text


def users_in(dump: Dump) -> list[User]:
    """List the users that a dump's tables know."""
    devices = dump["accounts_device"].values()
    return [
        User(
            f'"{row["username"]}"',
            _pieces_of_ids([row["id"], *(each["id"] for each in devices if each["user_id"] == row["id"])]),
        )
        for row in dump["accounts_user"].values()
    ]


def naming_two(dump: Dump) -> list[str]:
    """List the rows and keys that name two users."""
    users = users_in(dump)
    return [where for where, text in _texts(dump) if _count_named(users, text) > 1]


def naming_anybody(dump: Dump, tables: Iterable[str]) -> list[str]:
    """List the rows of these tables that name a user."""
    users, part = users_in(dump), {table: dump[table] for table in tables}
    return [where for where, text in _texts(part) if _count_named(users, text)]


def holding(dump: Dump, *, texts: Iterable[str] = (), ids: Iterable[bytes] = ()) -> list[str]:
    """List the rows and keys that hold any of these texts, or a piece of any of these ids."""
    wanted, pieces = tuple(texts), frozenset[bytes]().union(*map(pieces_of, ids))
    return [
        where
        for where, text in _texts(dump)
        if any(each in text for each in wanted) or not pieces.isdisjoint(pieces_in(text))
    ]


def _pieces_of_ids(idents: Iterable[str]) -> frozenset[bytes]:
    return frozenset[bytes]().union(*(pieces_of(uuid.UUID(ident).bytes) for ident in idents))


def _count_named(users: Iterable[User], text: str) -> int:
    pieces = pieces_in(text)
    return sum(user.is_named_in(text, pieces) for user in users)


def _texts(dump: Dump) -> Iterator[tuple[str, str]]:
    """Give each row and each key with its value as text; each entry of a list of many's for itself."""
    for where, rows in dump.items():
        for name, row in rows.items():
            parts = _entries(row["value"]) if where == STORE and LISTS.fullmatch(name) else [row]
            yield from ((f"{where} {name}", json.dumps([name, part])) for part in parts)


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.items())
    return value if isinstance(value, list) else [value]


def _database() -> Dump:
    return {table: dict(_table_rows(table)) for table in sorted(connection.introspection.table_names())}


def _table_rows(table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with connection.cursor() as cursor:
        key = connection.introspection.get_primary_key_columns(cursor, table)
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a table's own name
        columns = [column[0] for column in cursor.description]
        for place, values in enumerate(cursor.fetchall()):
            row = {column: _plain(value) for column, value in zip(columns, values, strict=True)}
            yield ("|".join(str(row[column]) for column in key) if key else str(place)), row


def _store() -> Rows:
    # A plain client: cached values are bytes that need not be text.
    with redis.Redis.from_url(settings.STORE_URL) as client:
        names = sorted(client.scan_iter(count=1000))
        values = ((_plain(name), _store_value(client, name)) for name in names)
        return {name: {"value": value} for name, value in values if value is not None}


def _store_value(client: "redis.Redis[bytes]", name: bytes) -> Any:
    """Read one key of any type; None when it ended between the walk and this look."""
    readers: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: _plain(client.get(name)),
        b"hash": lambda: {_plain(key): _plain(value) for key, value in client.hgetall(name).items()},
        b"set": lambda: sorted(_plain(member) for member in client.smembers(name)),
        b"zset": lambda: {
            _plain(member): score for member, score in client.zrange(name, 0, -1, withscores=True)
        },
        b"list": lambda: [_plain(item) for item in client.lrange(name, 0, -1)],
    }
    reader = readers.get(client.type(name))
    return reader() if reader else None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return _readable(bytes(value))
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def _readable(raw: bytes) -> str:
    """Write bytes as text where they are text, else as base64url, in which ids can be searched for too."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return text if text.isprintable() else base64.urlsafe_b64encode(raw).decode().rstrip("=")
