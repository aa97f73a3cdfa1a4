"""The headless Mesa peer: forwards, sends and receives messages without a browser.

What this module names is what programs may build on; everything below it may change with any release.
How it is used: docs/how-to/build-a-bot.md.
"""

from peer_agent.cli_loop import run_program as run
from peer_agent.contact_book import ContactState
from peer_agent.errors import (
    AgentError,
    ContactBlocked,
    LoginRefused,
    NotDelivered,
    NoTurnServer,
    PeerClosed,
    Refused,
    ServerUnreachable,
    StateInUse,
    StoreClosed,
    UnknownUser,
    UsageError,
)
from peer_agent.events import (
    CellsPassed,
    ContactAdded,
    ContactAsked,
    ContactRenewed,
    ContactUnsafe,
    Event,
    EventsLost,
    HopEnded,
    HopReady,
    LinkClosed,
    LinkOpened,
    MessageMissing,
    MessageProgress,
    MessageReceived,
    Online,
    SessionClosed,
    SessionOpened,
)
from peer_agent.findings import About, Finding, Report
from peer_agent.history import Kept as HistoryState
from peer_agent.peer import Peer
from peer_agent.progress import MessageState, WaitsFor
from peer_agent.receipts_awaited import SentMessage
from peer_agent.records import ContactInfo, MessageInfo
from peer_agent.showing import PeerEvents

__all__ = [
    "About",
    "AgentError",
    "CellsPassed",
    "ContactAdded",
    "ContactAsked",
    "ContactBlocked",
    "ContactInfo",
    "ContactRenewed",
    "ContactState",
    "ContactUnsafe",
    "Event",
    "EventsLost",
    "Finding",
    "HistoryState",
    "HopEnded",
    "HopReady",
    "LinkClosed",
    "LinkOpened",
    "LoginRefused",
    "MessageInfo",
    "MessageMissing",
    "MessageProgress",
    "MessageReceived",
    "MessageState",
    "NoTurnServer",
    "NotDelivered",
    "Online",
    "Peer",
    "PeerClosed",
    "PeerEvents",
    "Refused",
    "Report",
    "SentMessage",
    "ServerUnreachable",
    "SessionClosed",
    "SessionOpened",
    "StateInUse",
    "StoreClosed",
    "UnknownUser",
    "UsageError",
    "WaitsFor",
    "run",
]
