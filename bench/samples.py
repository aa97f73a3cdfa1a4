"""From the events of eight peers to the times of single messages. Pure.

An event is what `mesa-peer --json` prints: `event`, `time` in seconds, and its own keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FIVE = 5

Event = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One message from ada to bo; times in seconds on the common clock.

    posted_at: when the request for a path went out; None for a message that found its path open.
    ordered_at: when the last of the path's five peers had its order; None if not all five had one.
    opened: ends of links that were opened between `sent_at` and `received_at`.
    """

    sent_at: float
    received_at: float
    posted_at: float | None
    ordered_at: float | None
    opened: int

    @property
    def took_s(self) -> float:
        return self.received_at - self.sent_at

    @property
    def orders_s(self) -> float | None:
        """From the request for a path to the last of five orders."""
        if self.posted_at is None or self.ordered_at is None:
            return None
        return self.ordered_at - self.posted_at


def samples(
    sent: Sequence[Event], told: dict[str, list[Event]], *, sender: str, receiver: str
) -> list[Sample]:
    """Join what the sender sent with what every peer told."""
    received_at = {
        event["text"]: event["time"] for event in told[receiver] if event["event"] == "message_received"
    }
    everything = [event for events in told.values() for event in events]
    opened = sorted(event["time"] for event in everything if event["event"] == "link_opened")
    orders = [event for event in everything if event["event"] == "hop_ready"]
    found = []
    for each in sent:
        progress = [event for event in told[sender] if _is_about(event, each["number"])]
        end = received_at[each["text"]]
        found.append(
            Sample(
                sent_at=each["at"],
                received_at=end,
                posted_at=_first(progress, "waiting"),
                ordered_at=_ordered_at(progress, orders),
                opened=sum(each["at"] <= at <= end for at in opened),
            )
        )
    return found


def _is_about(event: Event, number: int) -> bool:
    return event["event"] == "message_progress" and bool(event["number"] == number)


def _first(progress: list[Event], state: str) -> float | None:
    return next((event["time"] for event in progress if event["state"] == state), None)


def _ordered_at(progress: list[Event], orders: list[Event]) -> float | None:
    path: list[str] = next((event["hops"] for event in progress if event["state"] == "path"), [])
    times = [event["time"] for event in orders if {event["incoming"], event["outgoing"]} & set(path)]
    return max(times) if len(times) == FIVE else None
