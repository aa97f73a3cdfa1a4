"""Which guards a device shows, gives up and takes: counted by itself, kept over restarts."""

import secrets
from dataclasses import dataclass, field

import pytest

from p2p.protocol.ids import LinkId
from peer_agent.errors import UsageError
from peer_agent.events import Event, GuardLink, GuardsLimit, GuardTaken, LimitCause
from peer_agent.guards import (
    ALL_AWAY_S,
    AWAY_S,
    LIFE_S,
    TAKEN_IN_LIFE,
    Guard,
    Guards,
    GuardState,
    name_of,
)
from peer_agent.guards_watch import SAVE_EVERY_S, TELL_EVERY_S, GuardsWatch
from tests.peer_agent.devices import Device
from tests.peer_agent.guard_tickets import HOUR_S, a_ticket


def guards_away(*hours: float, now_s: int = 0) -> Guards:
    """Guards that were away for so long, in the order in which they came."""
    tickets = [a_ticket() for _ in hours]
    return Guards(
        tuple(
            Guard(name_of(ticket), ticket, now_s, int(away * HOUR_S))
            for ticket, away in zip(tickets, hours, strict=True)
        )
    )


def shown(guards: Guards) -> list[int]:
    """Which of these are shown, by their place."""
    places = {guard.ticket: place for place, guard in enumerate(guards.known)}
    return [places[ticket] for ticket in guards.tickets()]


@pytest.mark.parametrize(
    ("hours", "places"),
    [
        ((), []),
        ((0,), [0]),
        ((0, 0), [0, 1]),
        ((0, 0, 0), [0, 1, 2]),
        ((0.9,), [0]),
        ((1,), [0]),
        ((1, 0), [0, 1]),
        ((23.9, 0), [0, 1]),
        ((24, 0), [1]),
        ((0, 24), [0]),
        ((24, 0, 0), [0, 1, 2]),
        ((24, 24, 0), [2]),
        ((1, 0.9), [0, 1]),
        ((1, 1), [0]),
        ((24, 1), [1]),
        ((24, 24, 2, 1), [3]),
        ((24, 24, 1, 0.9), [0, 1, 2, 3]),
    ],
)
def test_guard_that_was_away_too_long_frees_a_place(hours: tuple[float, ...], places: list[int]) -> None:
    assert shown(guards_away(*hours)) == places


def test_limits_are_those_of_the_page() -> None:
    assert (ALL_AWAY_S, AWAY_S, LIFE_S) == (HOUR_S, 24 * HOUR_S, 30 * 24 * HOUR_S)


def test_who_has_had_five_shows_all_and_waits() -> None:
    guards = guards_away(25, 25, 25, 25, 25)

    assert len(guards.known) == TAKEN_IN_LIFE
    assert shown(guards) == [0, 1, 2, 3, 4]
    assert guards.needs_word
    assert not guards_away(25, 25, 25, 25).needs_word
    assert not guards_away(25, 25, 25, 0, 0).needs_word


def test_guard_that_comes_back_after_it_was_given_up_is_one_again() -> None:
    guards = guards_away(25, 0)

    back = guards.were_away({guards.known[0].name: 0})

    assert shown(guards) == [1]
    assert shown(back) == [0, 1]


def test_guards_away_for_an_hour_are_guards_again_beside_one_that_came_for_them() -> None:
    guards = guards_away(1, 1)

    another = guards.took(a_ticket(), now_s=1)

    assert another is not None
    assert shown(another) == [0, 1, 2]


def test_sixth_guard_is_not_taken_and_leaves_nothing(ada: Device) -> None:
    first = [a_ticket() for _ in range(TAKEN_IN_LIFE)]
    for ticket in first:
        assert ada.books.guards.take(ticket) is not None

    assert ada.books.guards.take(a_ticket()) is None

    assert list(ada.books.guards.tickets()) == first


def test_ticket_of_a_known_guard_takes_the_place_of_the_former_one(ada: Device) -> None:
    tickets = [a_ticket() for _ in range(TAKEN_IN_LIFE)]
    for ticket in tickets:
        ada.books.guards.take(ticket)
    renewed = a_ticket(name_of(tickets[1]))
    ada.time.now += HOUR_S

    taken = ada.books.guards.take(renewed)

    assert taken is not None
    assert taken.came_s == int(ada.time.now) - HOUR_S
    assert list(ada.books.guards.tickets()) == [tickets[0], renewed, *tickets[2:]]


@pytest.mark.parametrize(
    "raw",
    [b"", a_ticket()[:-1], a_ticket() + b"\x00", b"\x02" + a_ticket()[1:]],
    ids=["empty", "short", "long", "of another version"],
)
def test_what_is_no_ticket_is_not_taken(ada: Device, raw: bytes) -> None:
    assert ada.books.guards.take(raw) is None
    assert ada.books.guards.all() == Guards()


def test_tickets_and_what_was_counted_survive_a_crash(ada: Device) -> None:
    tickets = [a_ticket() for _ in range(2)]
    for ticket in tickets:
        ada.books.guards.take(ticket)
    ada.books.guards.were_away({name_of(tickets[0]): 77})
    before = ada.books.guards.all()

    ada.crash()

    assert ada.books.guards.all() == before
    assert [guard.away_s for guard in before.kept] == [77, 0]
    assert list(ada.books.guards.tickets()) == tickets


def test_after_thirty_days_a_guard_is_neither_shown_nor_counted(ada: Device) -> None:
    tickets = [a_ticket() for _ in range(TAKEN_IN_LIFE)]
    for ticket in tickets:
        ada.books.guards.take(ticket)
        ada.time.now += 1

    ada.time.now += LIFE_S - TAKEN_IN_LIFE

    assert list(ada.books.guards.tickets()) == tickets[1:]
    assert ada.books.guards.take(a_ticket()) is not None
    assert ada.books.guards.take(a_ticket()) is None


def test_what_is_too_old_leaves_the_disk(ada: Device) -> None:
    ada.books.guards.take(a_ticket())
    ada.time.now += LIFE_S

    ada.books.guards.were_away({})

    raw = ada.store.setting("guards")
    assert raw == b'{"known": [], "allowed_s": []}'


def test_clock_that_starts_too_early_costs_no_guard(ada: Device) -> None:
    tickets = [a_ticket() for _ in range(2)]
    for ticket in tickets:
        ada.books.guards.take(ticket)
    right, ada.time.now = ada.time.now, 0.0

    ada.books.guards.were_away({name_of(tickets[0]): 1})
    at_first = ada.books.guards.tickets()
    ada.time.now = right

    assert list(at_first) == list(ada.books.guards.tickets()) == tickets


def test_users_word_replaces_the_guard_that_was_away_longest_by_one_more(ada: Device) -> None:
    tickets = [a_ticket() for _ in range(TAKEN_IN_LIFE)]
    for ticket in tickets:
        ada.books.guards.take(ticket)
    ada.books.guards.were_away(
        {name_of(ticket): hours for ticket, hours in zip(tickets, range(5), strict=True)}
    )

    ada.books.guards.allow_one_more()

    another = a_ticket()
    assert ada.books.guards.take(another) is not None
    assert ada.books.guards.take(a_ticket()) is None
    assert list(ada.books.guards.tickets()) == [*tickets[:4], another]
    # Forgotten at the user's word: the server can not bring it back.
    assert ada.books.guards.take(a_ticket(name_of(tickets[4]))) is None


def test_word_beyond_the_limit_holds_for_thirty_days(ada: Device) -> None:
    with pytest.raises(UsageError):
        ada.books.guards.allow_one_more()
    for _ in range(TAKEN_IN_LIFE):
        ada.books.guards.take(a_ticket())

    assert ada.books.guards.allow_one_more().limit == TAKEN_IN_LIFE + 1
    ada.time.now += LIFE_S

    assert ada.books.guards.all().limit == TAKEN_IN_LIFE


def test_ticket_stays_out_of_every_text_about_a_guard() -> None:
    guards = guards_away(1, 0)

    for guard in guards.known:
        assert guard.ticket is not None
        for piece in (guard.ticket, guard.name):
            assert repr(piece)[2:-1] not in repr(guards) + str(guard)


@dataclass
class Watched:
    """ada's guards while she runs, and links that open when the test says so."""

    ada: Device
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = GuardsWatch(self.ada.books.guards, self.ada.time.clock(), self.events.append)

    def take(self, ticket: bytes) -> LinkId:
        """A `guard` frame whose link opens."""
        link, name = LinkId(secrets.token_bytes(16)), self.watch.take(ticket)
        assert name is not None
        self.watch.hold(name, link)
        self.watch.link_up(link)
        return link

    def wait(self, seconds: float) -> None:
        """Let time pass, with the look that housekeeping takes."""
        self.ada.time.now += seconds
        self.watch.tick()

    def away_s(self) -> list[int]:
        return [guard.away_s for guard in self.ada.books.guards.all().kept]

    def states(self) -> list[GuardState]:
        guards = self.ada.books.guards.all()
        return [guards.state(guard) for guard in guards.known]


@pytest.fixture
def watched(ada: Device) -> Watched:
    return Watched(ada)


def test_time_counts_only_online_and_without_a_link(watched: Watched) -> None:
    links = [watched.take(a_ticket()) for _ in range(2)]
    watched.wait(HOUR_S)
    watched.watch.online(True)
    watched.wait(HOUR_S)
    watched.watch.link_gone(links[0])

    watched.wait(SAVE_EVERY_S)
    assert watched.away_s() == [SAVE_EVERY_S, 0]
    watched.watch.online(False)
    watched.wait(HOUR_S)

    assert watched.away_s() == [SAVE_EVERY_S, 0]


def test_count_goes_on_after_a_restart_and_begins_anew_with_a_link(watched: Watched) -> None:
    ticket = a_ticket()
    link = watched.take(ticket)
    watched.watch.link_gone(link)
    watched.watch.online(True)
    watched.wait(SAVE_EVERY_S - 1)
    watched.watch.save()
    watched.ada.crash()

    again = Watched(watched.ada)
    again.watch.online(True)
    again.wait(SAVE_EVERY_S)
    assert again.away_s() == [2 * SAVE_EVERY_S - 1]
    again.take(ticket)

    assert again.away_s() == [0]


def test_link_that_is_replaced_or_gone_stands_no_longer(watched: Watched) -> None:
    ticket = a_ticket()
    links = [watched.take(ticket) for _ in range(2)]
    assert [watched.watch.stands(link) for link in links] == [False, True]

    watched.watch.link_gone(links[1])

    assert not watched.watch.stands(links[1])


def test_link_of_a_guard_whose_month_is_over_stands_no_longer(watched: Watched) -> None:
    link = watched.take(a_ticket())
    assert watched.watch.stands(link)

    watched.wait(LIFE_S)

    assert not watched.watch.stands(link)


def test_link_that_a_path_opened_becomes_a_standing_one(watched: Watched) -> None:
    link, name = LinkId(bytes(16)), watched.watch.take(a_ticket())
    assert name is not None
    watched.watch.link_up(link)
    assert GuardLink(link) not in watched.events

    watched.watch.hold(name, link)
    watched.watch.hold(name, link)

    assert watched.events.count(GuardLink(link)) == 1


def test_server_that_hands_out_ever_new_guards_is_refused_and_the_user_is_told_once_a_day(
    watched: Watched,
) -> None:
    for left in reversed(range(TAKEN_IN_LIFE)):
        watched.take(a_ticket())
        assert watched.events[-2] == GuardTaken(TAKEN_IN_LIFE - left, left)

    refused = [watched.watch.take(a_ticket()) for _ in range(50)]
    watched.wait(TELL_EVERY_S)
    refused.append(watched.watch.take(a_ticket()))

    assert refused == [None] * 51
    told = [event for event in watched.events if isinstance(event, GuardsLimit)]
    assert told == [GuardsLimit(TAKEN_IN_LIFE, LimitCause.OFFERED)] * 2


def test_device_that_may_take_no_other_guard_says_that_it_waits(watched: Watched) -> None:
    links = [watched.take(a_ticket()) for _ in range(TAKEN_IN_LIFE)]
    watched.watch.online(True)
    for link in links[1:]:
        watched.watch.link_gone(link)

    watched.wait(AWAY_S - 1)
    assert GuardsLimit(TAKEN_IN_LIFE, LimitCause.AWAY) not in watched.events
    watched.wait(SAVE_EVERY_S)

    assert watched.states() == [GuardState.HERE, *[GuardState.GIVEN_UP] * 4]
    assert watched.events[-1] == GuardsLimit(TAKEN_IN_LIFE, LimitCause.AWAY)


def test_guards_are_given_up_within_an_hour_where_none_is_there(watched: Watched) -> None:
    links = [watched.take(a_ticket()) for _ in range(2)]
    watched.watch.online(True)
    for link in reversed(links):
        watched.watch.link_gone(link)
        watched.ada.time.now += 1

    watched.wait(ALL_AWAY_S - 2)
    still = watched.watch.tickets()
    watched.wait(SAVE_EVERY_S)

    assert len(still) == 2
    assert watched.watch.tickets() == still[:1]
