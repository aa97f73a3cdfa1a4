"""The guards of a running peer: which link is with which of them, and how long each was away.

Spec: docs/spec/guards.md, section "Device must"
"""

from collections.abc import Callable

from p2p.protocol.ids import LinkId
from peer_agent.clock import S_PER_DAY, Clock
from peer_agent.events import Event, GuardLink, GuardsLimit, GuardTaken, LimitCause
from peer_agent.guards_book import GuardBook

# What a crash may forget of the time that a guard was away.
SAVE_EVERY_S = 60.0
TELL_EVERY_S = float(S_PER_DAY)


class GuardsWatch:
    """What a peer knows of its guards while it runs."""

    def __init__(self, book: GuardBook, clock: Clock, report: Callable[[Event], None]) -> None:
        self._book = book
        self._clock = clock
        self._report = report
        self._away_s = {guard.name: float(guard.away_s) for guard in book.all().kept}
        self._links: dict[bytes, LinkId] = {}
        self._open: set[LinkId] = set()
        self._counted_at: float | None = None
        self._saved_at = clock.monotonic()
        self._told_at: dict[LimitCause, float] = {}

    def tickets(self) -> tuple[bytes, ...]:
        """The tickets to show to the server."""
        return self._book.tickets()

    def stands(self, link: LinkId) -> bool:
        """Tell whether a link is with a guard, and so is held whether it is used or not."""
        return link in self._links.values()

    def take(self, ticket: bytes) -> bytes | None:
        """Keep a ticket; returns the name of its guard, or None: then what came with it is not to be done."""
        before = self._book.all()
        guard = self._book.take(ticket)
        if guard is None:
            # One that was replaced, or no ticket at all, is nothing that a word of the user's could change.
            if before.is_one_too_many(ticket):
                self._tell(LimitCause.OFFERED)
            return None
        self._away_s.setdefault(guard.name, 0.0)
        if before.find(guard.name) is None:
            after = self._book.all()
            self._report(GuardTaken(len(after.kept), after.left))
        return guard.name

    def hold(self, name: bytes, link: LinkId) -> None:
        """Hold this link with a guard; one that was held before is like any other from now on."""
        self._count()
        is_new = self._links.get(name) != link
        self._links[name] = link
        if is_new and link in self._open:
            self._opened(name, link)

    def link_up(self, link: LinkId) -> None:
        self._count()
        self._open.add(link)
        for name, held in self._links.items():
            if held == link:
                self._opened(name, link)

    def link_gone(self, link: LinkId) -> None:
        self._count()
        self._open.discard(link)
        self._links = {name: held for name, held in self._links.items() if held != link}

    def online(self, is_online: bool) -> None:
        """Time counts only while this device itself is online."""
        self._count()
        self._counted_at = self._clock.monotonic() if is_online else None

    def tick(self) -> None:
        """Keep from time to time what was counted, and say so if no guard may come where one is wanted."""
        if self._clock.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self.save()
            if self._book.all().needs_word:
                self._tell(LimitCause.AWAY)

    def save(self) -> None:
        """Keep what was counted, and let go of guards whose time is over."""
        self._count()
        self._saved_at = self._clock.monotonic()
        self._book.were_away({name: int(away_s) for name, away_s in self._away_s.items()})
        kept = {guard.name for guard in self._book.all().kept}
        self._away_s = {name: away_s for name, away_s in self._away_s.items() if name in kept}
        self._links = {name: link for name, link in self._links.items() if name in kept}

    def _count(self) -> None:
        now = self._clock.monotonic()
        if self._counted_at is not None:
            for name in self._away_s:
                if self._links.get(name) not in self._open:
                    self._away_s[name] += now - self._counted_at
            self._counted_at = now

    def _opened(self, name: bytes, link: LinkId) -> None:
        # At once: the tickets that are shown depend on it.
        self._away_s[name] = 0.0
        self._book.were_away({name: 0})
        self._report(GuardLink(link))

    def _tell(self, cause: LimitCause) -> None:
        now = self._clock.monotonic()
        if now - self._told_at.get(cause, -TELL_EVERY_S) >= TELL_EVERY_S:
            self._told_at[cause] = now
            self._report(GuardsLimit(self._book.all().limit, cause))
