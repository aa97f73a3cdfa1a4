"""What database and store hold about a message after it was delivered: two dumps, compared and judged."""

import re
from dataclasses import dataclass
from functools import cached_property

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mesa.dumps import STORE, Difference, Dump, differences

# A row that is new after a message has exactly these columns: no user, no device, no second.
P2P_TABLES = {
    "p2p_p2ptransaction": {"id", "state", "attempts", "cause", "started", "ended"},
    "p2p_p2ppath": {"id", "transaction_id", "attempt", "state", "started", "ended"},
}
WHOLE_MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:00(\+00:00)?")
# Undated rows and used prekeys: a login's rotated token, a claimed prekey, a token minted or spent.
UNDATED_TABLES = frozenset(
    {
        "accounts_deliverytoken",
        "accounts_devicelogin",
        "accounts_envelope",
        "accounts_onetimeprekey",
        "accounts_revokedtoken",
        "accounts_standingprekey",
        "sqlite_sequence",
    }
)
# Keys that belong to a transaction, and must be gone when it has ended.
TRANSACTION_KINDS = frozenset({"avoided", "finding", "held", "hop", "path", "tx", "tx_hops", "waiting"})


@dataclass(frozen=True)
class Leftovers:
    """Two dumps, before and after one message."""

    before: Dump
    after: Dump

    @cached_property
    def found(self) -> list[Difference]:
        """Everything that differs in the database."""
        return [each for each in differences(self.before, self.after) if each.where != STORE]

    @cached_property
    def unexpected(self) -> list[str]:
        """What must not be there, in words; empty when the server kept its promise."""
        rows = [f"a row of {each.where}" for each in self.found if not _is_allowed(each)]
        keys = [f"the key {name}" for name in self.after[STORE] if _kind(name) in TRANSACTION_KINDS]
        return rows + keys

    def __rich__(self) -> RenderableType:
        table = Table(title="what the server holds about this message", title_justify="left", expand=False)
        for column in ("where", "what changed", "what it says"):
            table.add_column(column)
        for each in self.found:
            table.add_row(each.where, _change(each), _content(each))
        names = len(self.after[STORE])
        table.add_row(
            "store", f"{names} keys", "who is online, open links, counters; no path, no transaction"
        )
        verdict = Text(
            "nothing names ada beside bo, and nothing holds the path or the message", style="green"
        )
        wrong = Text("must not be there: " + ", ".join(self.unexpected), style="bold red")
        return Group(table, wrong if self.unexpected else verdict)


def _is_allowed(difference: Difference) -> bool:
    if difference.where in UNDATED_TABLES:
        return True
    columns = P2P_TABLES.get(difference.where)
    row = difference.after
    if columns is None or row is None or set(row) != columns:
        return False
    return all(row[name] is None or WHOLE_MINUTE.fullmatch(str(row[name])) for name in ("started", "ended"))


def _kind(name: str) -> str:
    parts = name.split(":")
    return parts[1] if len(parts) > 1 and parts[0] == "mesa" else ""


def _change(difference: Difference) -> str:
    if difference.before is None:
        return "row added"
    return "row gone" if difference.after is None else "changed: " + ", ".join(difference.changed_fields)


def _content(difference: Difference) -> str:
    row = difference.after or {}
    if difference.where not in P2P_TABLES:
        return "undated, random key"
    shown = [
        f"{name} {row[name]}"
        for name in ("state", "attempts", "attempt", "cause", "started")
        if row.get(name)
    ]
    return ", ".join(shown)
