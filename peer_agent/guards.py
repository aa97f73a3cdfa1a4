"""Which guards this device has, shows, gives up and may take. Pure: time in Unix seconds is passed in.

Spec: docs/spec/guards.md, section "Device must"
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

TICKET_VERSION = 1
TICKET_BYTES = 73
NAME_END = 9

GUARDS = 2
LIFE_S = 30 * 86_400
AWAY_S = 24 * 3_600
ALL_AWAY_S = 3_600
TAKEN_IN_LIFE = 5
SHOWN = 5


class GuardState(StrEnum):
    """What a device thinks of a guard; `replaced` ones are counted and not shown any more."""

    HERE = "here"
    AWAY = "away"
    GIVEN_UP = "given_up"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard by the name in its ticket. away_s: online without an open link to it. No ticket: replaced."""

    name: bytes
    ticket: bytes | None
    came_s: int
    away_s: int = 0

    def __repr__(self) -> str:
        return f"Guard(came_s={self.came_s}, away_s={self.away_s})"


@dataclass(frozen=True, slots=True)
class Guards:
    """All guards of the last 30 days in the order in which they came, and when the user allowed one more."""

    known: tuple[Guard, ...] = ()
    allowed_s: tuple[int, ...] = ()

    @property
    def kept(self) -> tuple[Guard, ...]:
        """Those whose tickets the device holds."""
        return tuple(guard for guard in self.known if guard.ticket is not None)

    @property
    def limit(self) -> int:
        """How many different ones it may have had in 30 days."""
        return TAKEN_IN_LIFE + len(self.allowed_s)

    @property
    def may_take(self) -> bool:
        """Whether it may take one more by itself."""
        return self.left > 0

    @property
    def left(self) -> int:
        """How many more it may take by itself."""
        return max(0, self.limit - len(self.known))

    @property
    def needs_word(self) -> bool:
        """Whether it would look for another guard, and may not without the user's word."""
        return not self.may_take and len(self._living()) < GUARDS

    def tickets(self) -> tuple[bytes, ...]:
        """The tickets to show. Fewer than two say that a place is free: never more than one at a time."""
        living = self._living()
        shown = self.kept
        if len(living) < GUARDS and self.may_take:
            shown = living or tuple(sorted(self.kept, key=lambda guard: guard.away_s)[:1])
        return tuple(guard.ticket for guard in shown[:SHOWN] if guard.ticket is not None)

    def state(self, guard: Guard) -> GuardState:
        if guard.ticket is None:
            return GuardState.REPLACED
        if guard.away_s >= AWAY_S or min(each.away_s for each in self.kept) >= ALL_AWAY_S:
            return GuardState.GIVEN_UP
        return GuardState.AWAY if guard.away_s else GuardState.HERE

    def find(self, name: bytes) -> Guard | None:
        return next((guard for guard in self.known if guard.name == name), None)

    def at(self, now_s: int) -> "Guards":
        """Forget what is older than 30 days. What came later than now stays: a clock may start too early."""
        return Guards(
            tuple(each for each in self.known if now_s - each.came_s < LIFE_S),
            tuple(each for each in self.allowed_s if now_s - each < LIFE_S),
        )

    def took(self, ticket: bytes, *, now_s: int) -> "Guards | None":
        """These and a ticket that came; None if it is not one, was replaced, or is one guard too many."""
        if not is_ticket(ticket) or self.is_one_too_many(ticket):
            return None
        found = self.find(name_of(ticket))
        if found is None:
            return replace(self, known=(*self.known, Guard(name_of(ticket), ticket, now_s)))
        return None if found.ticket is None else self._with(replace(found, ticket=ticket))

    def is_one_too_many(self, ticket: bytes) -> bool:
        """Tell whether a ticket is for another guard than all of these, and none may be added."""
        return is_ticket(ticket) and not self.may_take and self.find(name_of(ticket)) is None

    def were_away(self, away_s: Mapping[bytes, int]) -> "Guards":
        """These, with the time that each of some was away."""
        changed = (replace(each, away_s=away_s.get(each.name, each.away_s)) for each in self.known)
        return replace(self, known=tuple(changed))

    def one_more(self, *, now_s: int) -> "Guards":
        """By the user's word: another may come, in the place of the one that was away longest.

        One beyond the limit if need be. Of those that were never away the one that came first goes: a guard
        may hold its link and pass nothing on, and that only the user can know.
        """
        allowed = self if self.may_take else replace(self, allowed_s=(*self.allowed_s, now_s))
        if not self.kept:
            return allowed
        longest = max(self.kept, key=lambda guard: guard.away_s)
        return allowed._with(replace(longest, ticket=None))

    def _living(self) -> tuple[Guard, ...]:
        return tuple(guard for guard in self.kept if self.state(guard) is not GuardState.GIVEN_UP)

    def _with(self, changed: Guard) -> "Guards":
        return replace(
            self, known=tuple(changed if each.name == changed.name else each for each in self.known)
        )


def is_ticket(raw: bytes) -> bool:
    """Tell whether something has the form of a ticket; what is in it the device can not know."""
    return len(raw) == TICKET_BYTES and raw[0] == TICKET_VERSION


def name_of(ticket: bytes) -> bytes:
    """The name of the guard that a ticket is for: the device can read no more of it."""
    return ticket[1:NAME_END]
