"""Programs that wait until a message of theirs is delivered.

Spec: docs/spec/outbox.md
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from peer_agent.errors import AgentError, ContactBlocked, NotDelivered
from peer_agent.events import ContactUnsafe, Event, MessageProgress
from peer_agent.progress import MessageState

STAYS = "The message stays in the outbox and goes with the next run."

Key = tuple[str, int]


class ReceiptsAwaited:
    """Wakes whoever waits for a receipt, and lets nobody wait for one that can not come any more."""

    def __init__(self) -> None:
        self._waiting: dict[Key, set[asyncio.Future[None]]] = {}
        self._is_closed = False

    async def wait(self, user: str, number: int) -> None:
        """Wait for the receipt of a message that has none yet.

        Raises:
            ContactBlocked: the contact's keys do not match; the message stays in the outbox.
            NotDelivered: this peer closes; the message stays in the outbox.
        """
        if self._is_closed:
            raise closed()
        future = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault((user, number), set())
        waiting.add(future)
        try:
            await future
        finally:
            waiting.discard(future)
            if not waiting and self._waiting.get((user, number)) is waiting:
                del self._waiting[user, number]

    def note(self, event: Event) -> None:
        """Take an event of this peer's."""
        match event:
            case MessageProgress(number=number, to=user, state=MessageState.DELIVERED):
                self._end([(user, number)], None)
            case MessageProgress(number=number, to=user, state=MessageState.BLOCKED):
                self._end([(user, number)], blocked(user))
            case ContactUnsafe(user=user):
                self._end([key for key in self._waiting if key[0] == user], blocked(user))
            case _:
                pass

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._is_closed = True
        self._end(list(self._waiting), closed())

    def _end(self, keys: list[Key], error: AgentError | None) -> None:
        for future in [each for key in keys for each in self._waiting.get(key, ())]:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that is on the disk and will be delivered; `number` counts those with this contact."""

    to: str
    number: int
    _wait: Callable[[str, int], Awaitable[None]] = field(repr=False, compare=False)

    async def delivered(self) -> None:
        """Wait until the receiver's device has confirmed it. See `Peer.delivered`."""
        await self._wait(self.to, self.number)


def blocked(user: str) -> ContactBlocked:
    """Say that nothing goes to a contact."""
    return ContactBlocked(f"Keys of {user} have changed. `mesa-peer verify {user}` tells more.")


def closed() -> NotDelivered:
    """Say that this run will not see the receipt."""
    return NotDelivered(f"The peer was closed before the receipt came. {STAYS}")
