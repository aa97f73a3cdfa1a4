"""Whether the server is there, in the same words for everybody who waits at a terminal."""

from dataclasses import dataclass

from peer_agent.events import Event, SessionClosed, SessionOpened

CONNECTING = "connecting"
NOT_YET = "no connection yet, trying again"
LOST = "connection lost, trying again"
# What `Session` calls a frame of the server that this version does not know.
PROTOCOL = "protocol"
NOT_UNDERSTOOD = "the server says what this version does not understand, trying again: is there an update?"


@dataclass(slots=True)
class Connection:
    """What a run has seen of its session; `trouble` is empty while all is well."""

    is_open: bool = False
    trouble: str = CONNECTING

    def changes_by(self, event: Event) -> bool:
        """Take an event; tells whether a person should see the line again."""
        before = self.trouble
        if isinstance(event, SessionOpened):
            self.is_open, self.trouble = True, ""
        elif isinstance(event, SessionClosed):
            self.is_open = False
            self.trouble = NOT_YET if before in (CONNECTING, NOT_YET) else LOST
            if event.cause == PROTOCOL:
                self.trouble = NOT_UNDERSTOOD
        return self.trouble != before
