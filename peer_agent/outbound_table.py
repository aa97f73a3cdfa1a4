"""The transaction of the outbox as a table: phase, event and conditions give the next phase and commands.

Spec: docs/spec/outbox.md, section "Table"
"""

from dataclasses import dataclass
from enum import StrEnum

from peer_agent import outbound_events as events
from peer_agent.outbound_events import Event


class Phase(StrEnum):
    """Where the transaction is."""

    IDLE = "idle"
    STARTING = "starting"
    WAITING = "waiting"
    OPEN = "open"
    PAUSED = "paused"


class If(StrEnum):
    """What must hold for a rule to apply."""

    ONLINE = "online"
    MESSAGES = "messages"
    RESTED = "rested"
    SILENT = "silent"
    LATE = "late"
    OVERDUE = "overdue"
    WORN = "worn"
    UNUSED = "unused"
    FLYING = "flying"
    OURS = "ours"
    PRESENT = "present"
    NEWER = "newer"
    SETTLED = "settled"
    STRAYED = "strayed"


class Do(StrEnum):
    """What a rule changes or asks for."""

    START = "start"
    END = "end"
    ASK = "ask"
    PAUSE = "pause"
    TAKE_PATH = "take_path"
    NOTE_FORWARDERS = "note_forwarders"
    AWAIT_CONTACT = "await_contact"
    TELL_PATH = "tell_path"
    TELL_WAITING = "tell_waiting"
    GIVE_UP = "give_up"
    HEAR = "hear"
    NOTE_ANSWER = "note_answer"
    USE = "use"
    FORGET_FAILURES = "forget_failures"
    GO_ONLINE = "go_online"
    GO_OFFLINE = "go_offline"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the page. `next` None: the phase stays, with the time it began."""

    phases: tuple[Phase, ...]
    event: type[Event]
    when: tuple[If, ...]
    next: Phase | None
    do: tuple[Do, ...]


P, E = Phase, events

ANY = tuple(Phase)
RUNNING = (P.STARTING, P.WAITING, P.OPEN)
AT_SERVER = (P.WAITING, P.OPEN)
RESTING = (P.IDLE, P.PAUSED)
BEGIN = (Do.START, Do.TELL_WAITING)
BEGIN_ANEW = (Do.END, *BEGIN)

# Of the rules for one phase and event the first applies whose conditions all hold.
RULES = (
    Rule((P.IDLE,), E.TimePassed, (If.ONLINE, If.MESSAGES), P.STARTING, BEGIN),
    Rule((P.WAITING,), E.TimePassed, (If.SILENT, If.MESSAGES), P.STARTING, BEGIN),
    Rule((P.WAITING,), E.TimePassed, (If.SILENT,), P.IDLE, (Do.END,)),
    Rule((P.WAITING,), E.TimePassed, (If.LATE,), None, (Do.AWAIT_CONTACT, Do.TELL_WAITING)),
    Rule((P.OPEN,), E.TimePassed, (If.OVERDUE,), P.WAITING, (Do.ASK, Do.TELL_WAITING)),
    Rule((P.OPEN,), E.TimePassed, (If.WORN, If.MESSAGES), P.STARTING, BEGIN_ANEW),
    Rule((P.OPEN,), E.TimePassed, (If.UNUSED,), P.IDLE, (Do.END,)),
    Rule((P.PAUSED,), E.TimePassed, (If.RESTED, If.ONLINE, If.MESSAGES), P.STARTING, BEGIN),
    Rule(ANY, E.SocketOpened, (), None, (Do.GO_ONLINE,)),
    Rule(ANY, E.SocketClosed, (), None, (Do.GO_OFFLINE,)),
    Rule((P.PAUSED,), E.ContactCame, (), P.IDLE, ()),
    Rule((P.OPEN,), E.CellsSent, (), None, (Do.USE,)),
    Rule((P.WAITING,), E.CellsCredited, (), None, (Do.HEAR,)),
    Rule((P.WAITING,), E.MessageReceipted, (), None, (Do.HEAR, Do.FORGET_FAILURES)),
    Rule((*RESTING, P.STARTING, P.OPEN), E.MessageReceipted, (), None, (Do.FORGET_FAILURES,)),
    Rule((P.STARTING,), E.StartTaken, (If.OURS,), P.WAITING, ()),
    Rule((P.STARTING,), E.StartRefused, (If.OURS,), P.PAUSED, (Do.PAUSE,)),
    Rule(RUNNING, E.PathGiven, (If.NEWER,), P.OPEN, (Do.TAKE_PATH, Do.TELL_PATH)),
    Rule(
        RUNNING,
        E.AttemptLost,
        (If.PRESENT, If.MESSAGES),
        P.WAITING,
        (Do.NOTE_FORWARDERS, Do.TELL_WAITING),
    ),
    Rule(RUNNING, E.AttemptLost, (If.PRESENT,), P.IDLE, (Do.END,)),
    Rule(RUNNING, E.PathLetGo, (If.PRESENT, If.FLYING), P.WAITING, (Do.ASK, Do.TELL_WAITING)),
    Rule(RUNNING, E.PathLetGo, (If.PRESENT, If.MESSAGES), P.STARTING, BEGIN_ANEW),
    Rule(RUNNING, E.PathLetGo, (If.PRESENT,), P.IDLE, (Do.END,)),
    Rule(RUNNING, E.Completed, (If.OURS,), P.IDLE, (Do.TELL_WAITING,)),
    Rule(RUNNING, E.Failed, (If.OURS, If.MESSAGES), P.PAUSED, (Do.PAUSE, Do.TELL_WAITING)),
    Rule(RUNNING, E.Failed, (If.OURS,), P.IDLE, ()),
    Rule((P.WAITING,), E.Listed, (If.SETTLED, If.STRAYED), None, (Do.HEAR, Do.ASK)),
    Rule((P.WAITING,), E.Listed, (If.SETTLED,), None, (Do.HEAR, Do.NOTE_ANSWER)),
    Rule((P.OPEN,), E.Listed, (If.SETTLED, If.STRAYED), P.WAITING, (Do.ASK, Do.TELL_WAITING)),
    Rule(AT_SERVER, E.Unlisted, (If.SETTLED, If.MESSAGES), P.PAUSED, (Do.PAUSE, Do.TELL_WAITING)),
    Rule(AT_SERVER, E.Unlisted, (If.SETTLED,), P.IDLE, ()),
    Rule(AT_SERVER, E.StoreLost, (If.ONLINE, If.MESSAGES), P.STARTING, BEGIN),
    Rule(AT_SERVER, E.StoreLost, (), P.IDLE, (Do.END,)),
    Rule(RUNNING, E.Blocked, (), P.IDLE, (Do.END, Do.GIVE_UP)),
    Rule(RESTING, E.Blocked, (), P.IDLE, (Do.GIVE_UP,)),
)

# What has no rule, with the phases in which it says nothing. The page gives the reasons.
IGNORED: tuple[tuple[tuple[type[Event], ...], tuple[Phase, ...]], ...] = (
    ((E.TimePassed,), (P.STARTING,)),
    ((E.ContactCame,), (P.IDLE, *RUNNING)),
    ((E.MessageQueued,), ANY),
    ((E.CellsSent,), (*RESTING, P.STARTING, P.WAITING)),
    ((E.CellsCredited,), (*RESTING, P.STARTING, P.OPEN)),
    ((E.StartTaken, E.StartRefused), (*RESTING, *AT_SERVER)),
    ((E.PathGiven, E.AttemptLost, E.PathLetGo, E.Completed, E.Failed), RESTING),
    ((E.Listed, E.Unlisted, E.StoreLost), (*RESTING, P.STARTING)),
)

TRANSITIONS: dict[tuple[Phase, type[Event]], tuple[Rule, ...]] = {
    (phase, rule.event): tuple(each for each in RULES if phase in each.phases and each.event is rule.event)
    for rule in RULES
    for phase in rule.phases
}
