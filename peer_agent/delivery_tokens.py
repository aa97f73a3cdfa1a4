"""Delivery tokens of this user: made in batches, given to one contact each; the server knows digests only.

Batches are made at sign-up and at random times afterwards, never because of a contact: the order of the
server's rows then says nothing about who became acquainted with whom.

Spec: docs/spec/rest.md, routes `tokens/`
"""

import os

from p2p.protocol.ids import TOKEN_BYTES
from peer_agent.api import Api
from peer_agent.crypto.messages import DeliveryToken
from peer_agent.crypto.primitives import sha256
from peer_agent.store import Store

TABLE = "tokens"
FULL = 32
REFILL_BELOW = 16


class DeliveryTokens:
    """Tokens that are live at the server, and whom they were given to."""

    def __init__(self, store: Store, api: Api) -> None:
        self._store = store
        self._api = api

    async def refill(self) -> None:
        """Fill the stock up when it is low.

        Raises:
            ServerUnreachable, Refused: no token could be made live.
        """
        row = self._store.row("SELECT COUNT(*) FROM tokens WHERE contact IS NULL")
        left = 0 if row is None else row[0]
        if left < REFILL_BELOW:
            await self._mint(FULL - left)

    async def provide(self) -> DeliveryToken:
        """A live token that nobody has yet; `give` it in the transaction that writes the contact.

        Raises:
            ServerUnreachable, Refused: no token could be made live.
        """
        if self._free() is None:
            # More acquaintances within one refill than the stock holds.
            await self._mint(FULL)
        token = self._free()
        assert token is not None  # noqa: S101  a batch was just minted
        return token

    def give(self, token: DeliveryToken, contact: int) -> None:
        """Note whose a token is, inside a transaction of the caller's."""
        self._store.change("UPDATE tokens SET contact = ? WHERE digest = ?", (contact, sha256(token)))

    def _free(self) -> DeliveryToken | None:
        row = self._store.row(
            "SELECT digest, record FROM tokens WHERE contact IS NULL ORDER BY random() LIMIT 1"
        )
        return None if row is None else DeliveryToken(self._store.open(TABLE, row[0], row[1]))

    async def _mint(self, count: int) -> None:
        # Sorted digests are in random order: which contact came first can not be read off them.
        tokens = {sha256(token): token for token in (os.urandom(TOKEN_BYTES) for _ in range(count))}
        await self._api.add_tokens(sorted(tokens))
        with self._store.transaction():
            for digest, token in tokens.items():
                record = self._store.seal(TABLE, digest, token)
                self._store.change("INSERT INTO tokens (digest, record) VALUES (?, ?)", (digest, record))
