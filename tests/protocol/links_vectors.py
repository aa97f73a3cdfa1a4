"""Cases of docs/spec/vectors/links.json: every row of the table, every illegal pair, and whole lives."""

from collections.abc import Iterator, Sequence

from p2p.protocol.link import TRANSITIONS, LinkEvent, LinkState
from tests.protocol.vector_files import Case

E, S = LinkEvent, LinkState
LIVES = {
    "our offer is taken and answered": (S.STOCK, (E.TAKEN, E.ANSWERED, E.CHANNEL_OPENED, E.CHANNEL_CLOSED)),
    "their offer is answered": (S.ORDERED, (E.OFFERED, E.CHANNEL_OPENED, E.DROPPED, E.CHANNEL_CLOSED)),
    "no answer comes": (S.STOCK, (E.TAKEN, E.TIMED_OUT, E.ANSWERED)),
    "the channel never opens": (S.ORDERED, (E.OFFERED, E.TIMED_OUT, E.CHANNEL_OPENED)),
    "the deadline fires as the channel opens": (S.ORDERED, (E.OFFERED, E.CHANNEL_OPENED, E.TIMED_OUT)),
    "an offer grows old": (S.STOCK, (E.DROPPED, E.TIMED_OUT)),
}


def cases() -> Iterator[Case]:
    """Every case of the file, in order."""
    for state in LinkState:
        for event in LinkEvent:
            if (state, event) in TRANSITIONS:
                yield _trace(f"{state.value}, {event.value}", state, (event,))
            else:
                yield _refused(state, event)
    for name, (state, events) in LIVES.items():
        yield _trace(name, state, events)


def _trace(name: str, start: LinkState, events: Sequence[LinkEvent]) -> Case:
    state = start
    steps: list[Case] = []
    for event in events:
        state, commands = TRANSITIONS[state, event]
        steps.append({"event": event.value, "state": state.value, "commands": [do.value for do in commands]})
    return {"name": name, "check": "trace", "expect": "ok", "start": start.value, "steps": steps}


def _refused(state: LinkState, event: LinkEvent) -> Case:
    steps: list[Case] = [{"event": event.value, "state": state.value, "commands": []}]
    return {
        "name": f"refused {state.value}, {event.value}",
        "check": "trace",
        "expect": "unexpected_event",
        "start": state.value,
        "steps": steps,
    }
