from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p.protocol.errors import UnexpectedEvent
from p2p.protocol.link import TRANSITIONS, Do, Link, LinkEvent, LinkState
from tests.protocol.strategies import quick

lives = st.tuples(st.sampled_from([LinkState.STOCK, LinkState.ORDERED]), st.lists(st.sampled_from(LinkEvent)))


def live(start: LinkState, events: list[LinkEvent]) -> tuple[Link, list[Do]]:
    """Feed all events; illegal ones are passed over."""
    link, carried_out = Link(start), list[Do]()
    for event in events:
        before = link.state
        try:
            carried_out += link.receive(event)
        except UnexpectedEvent:
            assert link.state is before
    return link, carried_out


@quick
@given(lives)
def test_a_link_is_reported_up_and_down_at_most_once(life: tuple[LinkState, list[LinkEvent]]) -> None:
    _, carried_out = live(*life)

    for do in (Do.REPORT_UP, Do.REPORT_DOWN, Do.CLOSE, Do.START_DEADLINE):
        assert carried_out.count(do) <= 1


@quick
@given(lives)
def test_a_link_that_is_not_at_rest_has_a_deadline(life: tuple[LinkState, list[LinkEvent]]) -> None:
    link, carried_out = live(*life)

    if link.state in (LinkState.AWAITING_ANSWER, LinkState.CONNECTING):
        assert Do.START_DEADLINE in carried_out
        assert live(life[0], [*life[1], LinkEvent.TIMED_OUT])[0].state is LinkState.CLOSED


@quick
@given(lives)
def test_a_closed_link_was_closed_and_stays_closed(life: tuple[LinkState, list[LinkEvent]]) -> None:
    link, carried_out = live(*life)

    assert (link.state is LinkState.CLOSED) == (Do.CLOSE in carried_out)


@quick
@given(lives)
def test_every_link_can_be_dropped_without_a_report(life: tuple[LinkState, list[LinkEvent]]) -> None:
    link, _ = live(*life)

    assert Do.REPORT_DOWN not in link.receive(LinkEvent.DROPPED)
    assert link.state is LinkState.CLOSED


def test_every_state_can_be_reached() -> None:
    found, ahead = set[LinkState](), deque([LinkState.STOCK, LinkState.ORDERED])
    while ahead:
        state = ahead.popleft()
        if state not in found:
            found.add(state)
            ahead.extend(after for (before, _), (after, _) in TRANSITIONS.items() if before is state)

    assert found == set(LinkState)


def test_an_illegal_event_names_neither_link_nor_peer() -> None:
    with pytest.raises(UnexpectedEvent) as refused:
        Link(LinkState.ORDERED).receive(LinkEvent.ANSWERED)

    assert str(refused.value) == "answered in state ordered"
