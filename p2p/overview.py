"""The sections of p2p in the operator's overview, and what is wrong with the forwarders there are.

Counts, states and causes; who and over whom is in none of these rows.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.core.checks import CheckMessage, Warning
from django.db.models import Count, Sum

from mesa.overview import Figure, Section, rounded
from p2p import turns
from p2p.census import count_forwarders, count_networks, count_peers
from p2p.models import P2PPath, P2PTransaction, State, TransactionTally
from p2p.protocol.limits import FORWARDERS

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
# Two of them may be the ends of a path.
ENOUGH_FORWARDERS: Final = FORWARDERS + 2

# State, cause, whether there was a path.
Ending = tuple[str, str, bool]


def show_delivery(now: datetime) -> Section:
    """Show how many of the transactions that had a path were completed."""
    hour, day = endings(now - HOUR), endings(now - DAY)
    return Section(
        "Delivery",
        [
            Figure("last hour", rate(hour), "completed, of the transactions that ended and had a path"),
            Figure("last 24 hours", rate(day), "a message whose transaction failed is sent again in another"),
            Figure(
                "never had a path",
                str(_without_path(day)),
                "in 24 hours: an end was offline, or too few forwarded",
            ),
        ],
    )


def show_transactions(now: datetime) -> Section:
    """Show states and causes."""
    ended = endings(now - HOUR)
    by_cause = Counter[str]()
    for (state, cause, _), count in ended.items():
        if state == State.FAILED:
            by_cause[cause] += count
    failed = sum(by_cause.values())
    paths = P2PPath.objects.filter(started__gte=now - HOUR).values_list("state").annotate(Count("pk"))
    return Section(
        "Transactions of the last hour",
        [
            Figure("open", str(P2PTransaction.objects.alive().count()), "not ended yet"),
            Figure("completed", str(sum(ended.values()) - failed)),
            Figure("failed", str(failed)),
            *(Figure(f"failed: {cause}", str(count)) for cause, count in sorted(by_cause.items())),
            *(Figure(f"paths {state}", str(count)) for state, count in sorted(paths)),
        ],
    )


def show_jobs(now: datetime) -> Section:
    """Show how far the work is behind: the few tasks that wait tell nothing of how many jobs do."""
    waiting = str(turns.accounts_waiting())
    return Section(
        "Jobs",
        [Figure("accounts that wait", waiting, "for their turn; if they stay many: start more workers")],
    )


def show_online(now: datetime) -> Section:
    """Show how many peers there are, and how many of them forward."""
    return Section(
        "Online",
        [
            Figure("peers", rounded(count_peers())),
            Figure("forwarders", rounded(count_forwarders(now))),
            Figure("networks of forwarders", rounded(count_networks(now))),
        ],
    )


def find_warnings(now: datetime) -> list[CheckMessage]:
    """Say when there are too few forwarders, or too few networks of them, for paths."""
    found: list[CheckMessage] = []
    if count_forwarders(now) < ENOUGH_FORWARDERS:
        why = f"Fewer than {ENOUGH_FORWARDERS} forwarders are online."
        hint = (
            f"A path takes {FORWARDERS} besides its two ends; without them messages wait. Run some: "
            "mesa-peer forward, each with an account of its own, in different networks."
        )
        found.append(Warning(why, hint=hint, id="p2p.W001"))
    if count_networks(now) < FORWARDERS:
        why = f"The forwarders stand in fewer than {FORWARDERS} networks."
        hint = "A path takes no two of one network. Run forwarders in networks of other providers."
        found.append(Warning(why, hint=hint, id="p2p.W002"))
    return found


def endings(since: datetime) -> Counter[Ending]:
    """Count ends since a time: from the rows, and from the hours that rows were counted into."""
    found = Counter[Ending]()
    for ending, count in (*_from_rows(since), *_from_hours(since)):
        found[ending] += count
    return found


def _from_rows(since: datetime) -> Iterator[tuple[Ending, int]]:
    rows = P2PTransaction.objects.filter(ended__gte=since)
    for state, cause, attempts, count in rows.values_list("state", "cause", "attempts").annotate(Count("pk")):
        yield (state, cause, attempts > 0), count


def _from_hours(since: datetime) -> Iterator[tuple[Ending, int]]:
    # Of the hour in which the time lies nothing is known but the whole: it is left out.
    hours = TransactionTally.objects.filter(hour__gte=since)
    for state, cause, had_path, count in hours.values_list("state", "cause", "had_path").annotate(
        Sum("count")
    ):
        yield (state, cause, had_path), count


def rate(found: Counter[Ending]) -> str:
    """Say which part of those that had a path was completed."""
    tried = sum(count for (_, _, had_path), count in found.items() if had_path)
    completed = sum(
        count for (state, _, had_path), count in found.items() if had_path and state == State.COMPLETED
    )
    return f"{completed / tried:.1%} of {tried}" if tried else "none ended"


def _without_path(found: Counter[Ending]) -> int:
    return sum(count for (_, _, had_path), count in found.items() if not had_path)
