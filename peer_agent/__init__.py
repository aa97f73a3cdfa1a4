"""The headless Mesa peer: forwards, sends and receives messages without a browser.

What this module names is what programs may build on; everything below it may change with any release.
How it is used: docs/how-to/build-a-bot.md.
"""

from peer_agent.cli_loop import run_program as run
from peer_agent.contact_book import ContactState
from peer_agent.errors import (
    AgentError,
    ContactBlocked,
    LoginEnded,
    LoginRefused,
    NotDelivered,
    NoTurnServer,
    PeerClosed,
    Refused,
    ServerUnreachable,
    StateInUse,
    StoreClosed,
    StoreFull,
    UnknownUser,
    UsageError,
)
from peer_agent.events import (
    CellsPassed,
    ContactAdded,
    ContactAsked,
    ContactRenewed,
    ContactUnsafe,
    DiskFull,
    Event,
    EventsLost,
    FalseClaim,
    FalseWord,
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
    UserBlocked,
    UserIgnored,
    UserUnblocked,
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
    "DiskFull",
    "Event",
    "EventsLost",
    "FalseClaim",
    "FalseWord",
    "Finding",
    "HistoryState",
    "HopEnded",
    "HopReady",
    "LinkClosed",
    "LinkOpened",
    "LoginEnded",
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
    "StoreFull",
    "UnknownUser",
    "UsageError",
    "UserBlocked",
    "UserIgnored",
    "UserUnblocked",
    "WaitsFor",
    "run",
]
