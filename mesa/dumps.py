"""Everything the server holds, as plain values: all rows of all tables and all keys of the store.

For the demo and the privacy tests, which compare two dumps or search one for what must not be there.
"""

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import connection

Rows = dict[str, dict[str, Any]]
Dump = dict[str, Rows]
STORE = "store"


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


def names_of(dump: Dump, username: str) -> frozenset[str]:
    """Everything that names a user in a dump: the name, the user's id and device ids, in both spellings."""
    user = next(row["id"] for row in dump["accounts_user"].values() if row["username"] == username)
    devices = [row["id"] for row in dump["accounts_device"].values() if row["user_id"] == user]
    ids = [uuid.UUID(ident) for ident in (user, *devices)]
    return frozenset({f'"{username}"', *map(str, ids), *(ident.hex for ident in ids)})


def naming_both(dump: Dump, one: str, other: str) -> list[str]:
    """List the rows and keys that name two users."""
    ones, others = names_of(dump, one), names_of(dump, other)
    return [where for where, text in _texts(dump) if _has_any(text, ones) and _has_any(text, others)]


def holding(dump: Dump, secrets: Iterable[str]) -> list[str]:
    """List the rows and keys that hold any of these texts."""
    wanted = frozenset(secrets)
    return [where for where, text in _texts(dump) if _has_any(text, wanted)]


def _has_any(text: str, wanted: Iterable[str]) -> bool:
    return any(each in text for each in wanted)


def _texts(dump: Dump) -> Iterator[tuple[str, str]]:
    """Give each row and each key with its value as text."""
    for where, rows in dump.items():
        for name, row in rows.items():
            yield f"{where} {name}", json.dumps([name, row])


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
