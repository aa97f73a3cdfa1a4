"""One end of a link as a table: state and event give the next state and what to do.

Spec: docs/spec/links.md, section "States and events"
"""

from enum import StrEnum

from p2p.protocol.errors import UnexpectedEvent

SET_UP_DEADLINE_S = 3.0
OFFER_STOCK = 4
OFFER_AGE_S = 60.0
OFFER_AGE_BEHIND_NAT_S = 25.0
MAX_LINKS = 64
LINK_IDLE_S = 600.0
FIRST_CELL_S = 60.0
CONFIRMED_WITHIN_S = 5.0


class LinkState(StrEnum):
    """What this end knows of the link."""

    STOCK = "stock"
    AWAITING_ANSWER = "awaiting_answer"
    ORDERED = "ordered"
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class LinkEvent(StrEnum):
    """What can happen to a link."""

    TAKEN = "taken"
    OFFERED = "offered"
    ANSWERED = "answered"
    CHANNEL_OPENED = "channel_opened"
    CHANNEL_CLOSED = "channel_closed"
    TIMED_OUT = "timed_out"
    DROPPED = "dropped"


class Do(StrEnum):
    """What the owner of the link has to carry out, in order."""

    START_DEADLINE = "start_deadline"
    STOP_DEADLINE = "stop_deadline"
    MAKE_ANSWER = "make_answer"
    APPLY_ANSWER = "apply_answer"
    FLUSH = "flush"
    CLOSE = "close"
    REPORT_UP = "report_up"
    REPORT_DOWN = "report_down"


S, E = LinkState, LinkEvent

TRANSITIONS: dict[tuple[LinkState, LinkEvent], tuple[LinkState, tuple[Do, ...]]] = {
    (S.STOCK, E.TAKEN): (S.AWAITING_ANSWER, (Do.START_DEADLINE,)),
    (S.STOCK, E.DROPPED): (S.CLOSED, (Do.CLOSE,)),
    (S.STOCK, E.CHANNEL_CLOSED): (S.CLOSED, (Do.CLOSE,)),
    (S.AWAITING_ANSWER, E.ANSWERED): (S.CONNECTING, (Do.APPLY_ANSWER,)),
    (S.AWAITING_ANSWER, E.TIMED_OUT): (S.CLOSED, (Do.CLOSE, Do.REPORT_DOWN)),
    (S.AWAITING_ANSWER, E.DROPPED): (S.CLOSED, (Do.CLOSE,)),
    (S.AWAITING_ANSWER, E.CHANNEL_CLOSED): (S.CLOSED, (Do.CLOSE, Do.REPORT_DOWN)),
    (S.ORDERED, E.OFFERED): (S.CONNECTING, (Do.MAKE_ANSWER, Do.START_DEADLINE)),
    (S.ORDERED, E.DROPPED): (S.CLOSED, (Do.CLOSE,)),
    (S.CONNECTING, E.CHANNEL_OPENED): (S.OPEN, (Do.STOP_DEADLINE, Do.REPORT_UP, Do.FLUSH)),
    (S.CONNECTING, E.TIMED_OUT): (S.CLOSED, (Do.CLOSE, Do.REPORT_DOWN)),
    (S.CONNECTING, E.CHANNEL_CLOSED): (S.CLOSED, (Do.CLOSE, Do.REPORT_DOWN)),
    (S.CONNECTING, E.DROPPED): (S.CLOSED, (Do.CLOSE,)),
    (S.OPEN, E.CHANNEL_CLOSED): (S.CLOSED, (Do.CLOSE, Do.REPORT_DOWN)),
    (S.OPEN, E.DROPPED): (S.CLOSED, (Do.CLOSE,)),
    # The deadline may fire in the moment the channel opens; an open link stays open.
    (S.OPEN, E.TIMED_OUT): (S.OPEN, ()),
    # The other side and the library learn of an end late.
    (S.CLOSED, E.ANSWERED): (S.CLOSED, ()),
    (S.CLOSED, E.CHANNEL_OPENED): (S.CLOSED, ()),
    (S.CLOSED, E.CHANNEL_CLOSED): (S.CLOSED, ()),
    (S.CLOSED, E.TIMED_OUT): (S.CLOSED, ()),
    (S.CLOSED, E.DROPPED): (S.CLOSED, ()),
}


class Link:
    """One end of one link. Pure: feed it events, carry out what it returns."""

    def __init__(self, state: LinkState = LinkState.ORDERED) -> None:
        """Start in `stock` for an offer of ours, in `ordered` for an offer that came."""
        self.state = state

    def receive(self, event: LinkEvent) -> tuple[Do, ...]:
        """Advance one step.

        Raises:
            UnexpectedEvent: not legal in this state; the state is unchanged.
        """
        try:
            self.state, commands = TRANSITIONS[self.state, event]
        except KeyError:
            raise UnexpectedEvent(f"{event.value} in state {self.state.value}") from None
        return commands
