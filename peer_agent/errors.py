"""What can end a command of the agent: one sentence for the person and one exit code each.

Spec: docs/spec/agent.md, section "Exit codes"
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """How `mesa-peer` ends."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    STATE_IN_USE = 3
    LOGIN_REFUSED = 4
    SERVER_UNREACHABLE = 5
    NOT_DELIVERED = 6
    BLOCKED = 7
    UNKNOWN_USER = 8
    REFUSED = 9
    STORE_CLOSED = 10
    STORE_FULL = 11
    INTERRUPTED = 130


class AgentError(Exception):
    """A failure that a person can read and act on. retry_after_s: as the server asked, if it did."""

    exit_code = ExitCode.REFUSED
    retry_after_s: float | None = None


class UsageError(AgentError):
    """The command can not be carried out as it was given."""

    exit_code = ExitCode.USAGE


class PeerClosed(AgentError):
    """A peer does nothing before its `async with` block begins, and nothing after its end."""

    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("This peer is not open: use it inside its `async with` block.")


class StateInUse(AgentError):
    """Another agent works on the same state directory, or took over this device."""

    exit_code = ExitCode.STATE_IN_USE


class LoginRefused(AgentError):
    """The server does not accept this login, or it has ended."""

    exit_code = ExitCode.LOGIN_REFUSED


class LoginEnded(LoginRefused):
    """The server's own word: this login has ended, or name, password or device are not right."""


class ServerUnreachable(AgentError):
    """The server does not answer, or says that it can not serve at the moment."""

    exit_code = ExitCode.SERVER_UNREACHABLE

    def __init__(self, sentence: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class NotDelivered(AgentError):
    """A message has no verified receipt yet; it stays in the outbox."""

    exit_code = ExitCode.NOT_DELIVERED


class ContactBlocked(AgentError):
    """Sending to this contact is blocked, because keys do not match what was pinned."""

    exit_code = ExitCode.BLOCKED


class UnknownUser(AgentError):
    """There is no such user, or it is no contact of this one."""

    exit_code = ExitCode.UNKNOWN_USER


class Refused(AgentError):
    """The server understood the request and refused it; `code` is the word of its problem document."""

    exit_code = ExitCode.REFUSED

    def __init__(self, sentence: str, *, code: str = "refused", retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after_s = retry_after_s


class NoTurnServer(AgentError):
    """This device may be reached through TURN servers alone, and the server names none."""

    exit_code = ExitCode.REFUSED

    def __init__(self) -> None:
        super().__init__(
            "This device is relay-only and the server names no TURN server, so it stays offline. "
            "With --no-relay-only it would show its address to other peers."
        )


class StoreFull(AgentError):
    """The local store can not be written: there is no space left. Nothing of what was tried was done."""

    exit_code = ExitCode.STORE_FULL

    def __init__(self) -> None:
        super().__init__(
            "There is no space left on the disk for the local store. Nothing is lost: "
            "make space and try again."
        )


class StoreClosed(AgentError):
    """The local store can not be opened: wrong passphrase, damage, or a newer version wrote it."""

    exit_code = ExitCode.STORE_CLOSED
