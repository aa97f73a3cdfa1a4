"""Delivery tokens of this user: made in batches, given to one contact each; the server knows digests only.

Batches are made at sign-up and at random times afterwards, never because of a contact: the order of the
server's rows then says nothing about who became acquainted with whom.

Spec: docs/spec/rest.md, routes `tokens/`
"""

import asyncio
import os

from p2p.protocol.ids import TOKEN_BYTES
from peer_agent.api import Api
from peer_agent.crypto.messages import DeliveryToken
from peer_agent.crypto.primitives import sha256
from peer_agent.errors import Refused
from peer_agent.store import Store

TABLE = "tokens"
FULL = 32
REFILL_BELOW = 16
DIGESTS_PER_REQUEST = 64


class DeliveryTokens:
    """Tokens that are live at the server, and whom they were given to."""

    def __init__(self, store: Store, api: Api) -> None:
        self._store = store
        self._api = api
        self._lock = asyncio.Lock()

    async def refill(self) -> None:
        """Fill the stock up when it is low.

        Raises:
            ServerUnreachable, Refused: no token could be made live.
        """
        await self._fill(REFILL_BELOW)

    async def provide(self) -> None:
        """See that there is a token that nobody has yet.

        Raises:
            ServerUnreachable, Refused: no token could be made live.
        """
        # More acquaintances within one refill than the stock holds.
        await self._fill(1)

    async def withdraw(self) -> None:
        """Tell the server of tokens that were taken back, if there are any.

        Raises:
            ServerUnreachable, Refused: it is told later.
        """
        async with self._lock:
            await self._withdraw()

    def give(self, contact: int) -> DeliveryToken:
        """Give a contact a token of its own, inside a transaction of the caller's; `provide` comes before.

        Raises:
            Refused: others got the last one meanwhile.
        """
        row = self._store.row(
            "SELECT digest, record FROM tokens WHERE is_live AND contact IS NULL ORDER BY random() LIMIT 1"
        )
        if row is None:
            raise Refused("There is no delivery token left at the moment.")
        self._store.change("UPDATE tokens SET contact = ? WHERE digest = ?", (contact, row[0]))
        return DeliveryToken(self._store.open(TABLE, row[0], row[1]))

    def end(self, contact: int) -> None:
        """Take a contact's token back, in a transaction of the caller's; `withdraw` tells the server."""
        self._store.change("UPDATE tokens SET is_live = 0, contact = NULL WHERE contact = ?", (contact,))

    async def _fill(self, below: int) -> None:
        async with self._lock:
            row = self._store.row("SELECT COUNT(*) FROM tokens WHERE is_live AND contact IS NULL")
            left = 0 if row is None else row[0]
            await self._withdraw()
            if left < below:
                await self._mint(FULL - left)

    async def _withdraw(self) -> None:
        """End tokens that were taken back, and those of which the server's answer did not come."""
        ended = sorted(row[0] for row in self._store.rows("SELECT digest FROM tokens WHERE NOT is_live"))
        for at in range(0, len(ended), DIGESTS_PER_REQUEST):
            part = ended[at : at + DIGESTS_PER_REQUEST]
            await self._api.keys.delete_tokens(part)
            with self._store.transaction():
                for digest in part:
                    self._store.change("DELETE FROM tokens WHERE digest = ? AND NOT is_live", (digest,))

    async def _mint(self, count: int) -> None:
        # Sorted digests are in random order: which contact came first can not be read off them.
        tokens = {sha256(token): token for token in (os.urandom(TOKEN_BYTES) for _ in range(count))}
        with self._store.transaction():
            for digest, token in tokens.items():
                record = self._store.seal(TABLE, digest, token)
                self._store.change(
                    "INSERT INTO tokens (digest, is_live, record) VALUES (?, 0, ?)", (digest, record)
                )
        await self._api.keys.add_tokens(sorted(tokens))
        with self._store.transaction():
            # These only: others may have been taken back meanwhile.
            for digest in tokens:
                self._store.change("UPDATE tokens SET is_live = 1 WHERE digest = ?", (digest,))
