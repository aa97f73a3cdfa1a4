"""What database and store hold about a message after it was delivered: two dumps, compared and judged."""

import re
from dataclasses import dataclass
from functools import cached_property

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mesa.dumps import STORE, Difference, Dump, differences, holding, naming_anybody, naming_two
from p2p.protocol.fields import b64_bytes

# What a message may leave or touch: exactly these columns. No row has two users, or a time of day but
# whole minutes.
ROWS_ALLOWED = {
    "p2p_p2ptransaction": {"id", "state", "attempts", "cause", "started", "ended"},
    "p2p_p2ppath": {"id", "transaction_id", "attempt", "state", "started", "ended"},
    "accounts_deliverytoken": {"digest", "recipient_id"},
    "accounts_devicelogin": {"id", "device_id", "pair", "pair_before", "expires_on"},
    "accounts_envelope": {"id", "device_id", "sealed", "expires_on"},
    "accounts_onetimeprekey": {"id", "device_id", "kind", "key_id", "packed", "forget_on"},
    "accounts_revokedtoken": {"id", "expires_on"},
    "accounts_standingprekey": {"id", "device_id", "kind", "key_id", "packed"},
}
TRANSACTION_TABLES = frozenset({"p2p_p2ptransaction", "p2p_p2ppath"})
# What the other rows are, for somebody who sees them for the first time.
MEANINGS = {
    "accounts_deliverytoken": "digest of a delivery token",
    "accounts_devicelogin": "a login, renewed",
    "accounts_envelope": "a sealed post of a mailbox, without its sender",
    "accounts_onetimeprekey": "a public key, used once",
    "accounts_revokedtoken": "a login's old token, ended",
    "accounts_standingprekey": "a public key, renewed",
}
WHOLE_MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:00(\+00:00)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIME_COLUMNS = {"started": WHOLE_MINUTE, "ended": WHOLE_MINUTE, "expires_on": DATE, "forget_on": DATE}
# Keys that belong to a transaction, and must be gone when it has ended. Spec: docs/spec/store.md
TRANSACTION_KINDS = frozenset(
    {"asked", "avoided", "finding", "held", "hop", "hops", "path", "tx", "tx_hops", "txs", "waiting"}
)


@dataclass(frozen=True)
class Traces:
    """What must be found nowhere but on the ends' devices: the hops of the paths, the text."""

    hops: frozenset[str]
    text: str


@dataclass(frozen=True)
class Leftovers:
    """Two dumps, before and after a message, and what must not be in the second."""

    before: Dump
    after: Dump
    traces: Traces

    @cached_property
    def found(self) -> list[Difference]:
        """Everything that differs in the database."""
        return [each for each in differences(self.before, self.after) if each.where != STORE]

    @cached_property
    def unexpected(self) -> list[str]:
        """What must not be there, in words; empty when the server kept its promise."""
        rows = [f"a row of {each.where}" for each in self.found if not _is_allowed(each)]
        keys = [f"the key {name}" for name in self.after[STORE] if _kind(name) in TRANSACTION_KINDS]
        named = naming_anybody(self.after, sorted(TRANSACTION_TABLES))
        secrets = holding(self.after, texts=[self.traces.text], ids=map(b64_bytes, self.traces.hops))
        pairs = [f"two users in {where}" for where in naming_two(self.after)]
        return [*rows, *keys, *(f"a user in {where}" for where in named), *pairs, *secrets]

    def __rich__(self) -> RenderableType:
        table = Table(title="what the server holds about this message", title_justify="left", expand=False)
        for column in ("where", "what changed", "what it says"):
            table.add_column(column, overflow="fold")
        for each in self.found:
            table.add_row(each.where, _change(each), _content(each))
        table.add_row("store", f"{len(self.after[STORE])} keys", "who is online, open links, counters")
        verdict = Text(
            "Searched all of it, for names and for ids in pieces: no row or key names two users, none of a "
            "transaction names one, and none holds a hop of the path or the text.",
            style="green",
        )
        wrong = Text("must not be there: " + ", ".join(self.unexpected), style="bold red")
        return Group(table, wrong if self.unexpected else verdict)


def _is_allowed(difference: Difference) -> bool:
    row = difference.after or difference.before or {}
    if set(row) != ROWS_ALLOWED.get(difference.where):
        return False
    times = [(pattern, row[name]) for name, pattern in TIME_COLUMNS.items() if row.get(name) is not None]
    return all(pattern.fullmatch(str(time)) for pattern, time in times)


def _kind(name: str) -> str:
    parts = name.split(":")
    return parts[1] if len(parts) > 1 and parts[0] == "mesa" else ""


def _change(difference: Difference) -> str:
    if difference.before is None:
        return "row added"
    return "row gone" if difference.after is None else "changed: " + ", ".join(difference.changed_fields)


def _content(difference: Difference) -> str:
    row = difference.after or {}
    if difference.where not in TRANSACTION_TABLES:
        return f"{MEANINGS.get(difference.where, 'random key')}; no time of day"
    shown = [
        f"{name} {row[name]}"
        for name in ("state", "attempts", "attempt", "cause", "started")
        if row.get(name)
    ]
    return ", ".join(shown)
