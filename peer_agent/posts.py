"""Posts for other devices' mailboxes: sealed and stored first, then handed to the server, once or again.

Spec: docs/spec/sealing.md
"""

import json
import logging
import uuid

from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import DeviceId
from peer_agent.account import random_number
from peer_agent.api import Api
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

    def __init__(self, store: Store, api: Api) -> None:
        self._store = store
        self._api = api

    def add(
        self, device: DeviceEntry, envelope: bytes, *, token: bytes | None = None, username: str | None = None
    ) -> None:
        """Seal a post and keep it, inside a transaction of the caller's."""
        body = {
            "device": str(uuid.UUID(bytes=device.device_id)),
            "post": b64_text(seal_post(device, envelope)),
            "token": None if token is None else b64_text(token),
            "username": username,
        }
        number = random_number()
        record = self._store.seal(TABLE, row_key(number), json.dumps(body).encode())
        self._store.change("INSERT INTO posts (post, record) VALUES (?, ?)", (number, record))

    async def deliver(self) -> None:
        """Hand over all posts.

        Raises:
            ServerUnreachable: the rest stays for the next time.
            Refused, UnknownUser: the server will not take one; that one is gone.
        """
        for number, record in self._store.rows("SELECT post, record FROM posts"):
            body = json.loads(self._store.open(TABLE, row_key(number), record))
            try:
                await self._api.post_to_mailbox(
                    DeviceId(uuid.UUID(body["device"])),
                    b64_bytes(body["post"]),
                    token=None if body["token"] is None else b64_bytes(body["token"]),
                    username=body["username"],
                )
            except (Refused, UnknownUser) as error:
                if not (isinstance(error, Refused) and error.code in PASSING):
                    self._remove(number)
                raise
            self._remove(number)

    def _remove(self, number: int) -> None:
        self._store.change("DELETE FROM posts WHERE post = ?", (number,))
