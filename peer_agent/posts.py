"""Posts for other devices' mailboxes: sealed and stored first, then handed to the server, once or again.

Spec: docs/spec/sealing.md
"""

import asyncio
import contextlib
import json
import logging
import uuid
from typing import Any

from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import DeviceId
from peer_agent.account import random_number
from peer_agent.api import Api
from peer_agent.backoff import Backoff
from peer_agent.clock import Clock
from peer_agent.crypto.identity import DeviceEntry
from peer_agent.crypto.sealing import seal_post
from peer_agent.errors import Refused, UnknownUser
from peer_agent.store import Store, row_key

logger = logging.getLogger(__name__)

TABLE = "posts"
# The server may take these later; every other refusal is its last word.
PASSING = ("throttled", "mailbox_full")


class Posts:
    """Posts that the server has not taken yet."""

    def __init__(self, store: Store, api: Api, clock: Clock | None = None) -> None:
        self._store = store
        self._api = api
        self._pauses: Backoff[int] = Backoff(clock or Clock())
        self._lock = asyncio.Lock()

    def add(
        self, device: DeviceEntry, envelope: bytes, *, token: bytes | None = None, username: str | None = None
    ) -> int:
        """Seal a post and keep it, inside a transaction of the caller's; returns its number."""
        body = {
            "device": str(uuid.UUID(bytes=device.device_id)),
            "post": b64_text(seal_post(device, envelope)),
            "token": None if token is None else b64_text(token),
            "username": username,
        }
        number = random_number()
        record = self._store.seal(TABLE, row_key(number), json.dumps(body).encode())
        self._store.change("INSERT INTO posts (post, record) VALUES (?, ?)", (number, record))
        return number

    @property
    def retry_in_s(self) -> float | None:
        """Seconds until a post that the server did not take is tried again; None if there is none."""
        return self._pauses.due_in_s()

    async def deliver(self) -> None:
        """Hand over all posts that are due; one that is refused stops no other.

        Raises:
            ServerUnreachable, LoginRefused: the rest stays for the next time.
        """
        for (number,) in self._store.rows("SELECT post FROM posts"):
            if self._pauses.is_due(number):
                with contextlib.suppress(Refused, UnknownUser):
                    await self.hand_over(number)

    async def hand_over(self, number: int) -> None:
        """Hand over one post, unless that was done meanwhile.

        Raises:
            ServerUnreachable: it stays for the next time.
            Refused, UnknownUser: the server will not take it, now (it stays) or ever (it is gone).
        """
        # One at a time: two tasks must not both find the same post here, and leave it twice.
        async with self._lock:
            row = self._store.row("SELECT record FROM posts WHERE post = ?", (number,))
            if row is not None:
                await self._leave(number, json.loads(self._store.open(TABLE, row_key(number), row[0])))

    async def _leave(self, number: int, body: dict[str, Any]) -> None:
        try:
            await self._api.mailbox.post(
                DeviceId(uuid.UUID(body["device"])),
                b64_bytes(body["post"]),
                token=None if body["token"] is None else b64_bytes(body["token"]),
                username=body["username"],
            )
        except (Refused, UnknownUser) as error:
            if isinstance(error, Refused) and error.code in PASSING:
                self._pauses.failed(number, at_least_s=error.retry_after_s or 0.0)
            else:
                self._remove(number)
            logger.info("a post was refused")
            raise
        self._remove(number)

    def _remove(self, number: int) -> None:
        self._store.change("DELETE FROM posts WHERE post = ?", (number,))
        self._pauses.done(number)
