"""What `status` finds: in each of its subjects whether all is well, a sentence, and what to do.

Spec: docs/spec/agent.md, section "Status"
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from peer_agent.account import Account
from peer_agent.crypto.chain import Verdict
from peer_agent.errors import AgentError


class About(StrEnum):
    """The subjects, in the order in which they are told."""

    DIRECTORY = "directory"
    DISK = "disk"
    SERVER = "server"
    CLOCK = "clock"
    LOGIN = "login"
    IDENTITY = "identity"
    NETWORK = "network"
    FORWARDERS = "forwarders"
    PREKEYS = "prekeys"
    CONTACTS = "contacts"
    OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them. values: the same as data."""

    about: About
    good: bool
    why: str
    help: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """An element of `findings`."""
        return {
            "about": self.about,
            "good": self.good,
            "why": self.why,
            "help": self.help,
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found. identity: the verdict on what the server shows as one's own chain, if it was asked.

    failure: what ends the command, since nothing can be done before it is gone.
    """

    account: Account
    undelivered: int
    unshown: int
    findings: tuple[Finding, ...]
    identity: Verdict | None = None
    failure: AgentError | None = None

    def to_json(self) -> dict[str, Any]:
        """The keys of a `status` result."""
        return {
            "user": self.account.username,
            "server": self.account.server,
            "undelivered": self.undelivered,
            "unshown": self.unshown,
            "fingerprint": self.account.identity.fingerprint.hex(),
            "identity": self.identity,
            "findings": [each.to_json() for each in self.findings],
        }
