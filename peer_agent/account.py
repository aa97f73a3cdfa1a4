"""Who this device is: server, user, keys, chain and login, kept in the store.

Spec: docs/spec/identity.md
"""

import json
import os
import uuid
from dataclasses import dataclass

from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import DeviceId
from peer_agent.crypto.chain import read_chain, split_chain
from peer_agent.crypto.identity import DeviceKeys, Identity
from peer_agent.errors import LoginRefused, UsageError
from peer_agent.rest import Tokens
from peer_agent.store import Store

ACCOUNT = "account"
TOKENS = "tokens"
# Stands beside an account that no server has taken in.
UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Account:
    """A user's device, registered or about to be."""

    server: str
    username: str
    device: DeviceKeys
    chain: bytes

    @property
    def device_id(self) -> DeviceId:
        return DeviceId(uuid.UUID(bytes=self.device.device_id))

    @property
    def statements(self) -> list[bytes]:
        return split_chain(self.chain)

    @property
    def identity(self) -> Identity:
        return read_chain(self.chain)


def load_account(store: Store) -> Account | None:
    """Read the account of this state directory."""
    raw = store.setting(ACCOUNT)
    if raw is None:
        return None
    body = json.loads(raw)
    device = DeviceKeys.unpack(b64_bytes(body["device"]))
    return Account(body["server"], body["username"], device, b64_bytes(body["chain"]))


def require_account(store: Store) -> Account:
    """Read the account of this state directory.

    Raises:
        LoginRefused: there is none yet.
    """
    account = load_account(store)
    if account is None:
        raise LoginRefused("This state directory has no account: run `mesa-peer register`.")
    return account


def begun_account(store: Store, server: str, username: str) -> Account | None:
    """Read the account to go on with, which has no login; None if one may be made here.

    Raises:
        UsageError: there is a login, or another account, whose keys may be nowhere else.
    """
    account = load_account(store)
    if account is None:
        return None
    if load_tokens(store) is not None:
        raise UsageError(f"This state directory has an account already: {account.username}.")
    if (account.username, account.server) == (username, server):
        return account
    if store.setting(UNTOLD) is not None:
        return None
    raise UsageError(
        f"This state directory has an account already: {account.username} at {account.server}. Name another "
        "--state, or: `mesa-peer remove-account --local-only` removes this one."
    )


def save_account(store: Store, account: Account) -> None:
    """Keep the account; its keys are on the disk before the server hears of them."""
    body = {
        "server": account.server,
        "username": account.username,
        "device": b64_text(account.device.pack()),
        "chain": b64_text(account.chain),
    }
    store.set_setting(ACCOUNT, json.dumps(body).encode())


def load_tokens(store: Store) -> Tokens | None:
    """Read the tokens of the last login."""
    raw = store.setting(TOKENS)
    return None if raw is None else Tokens(**json.loads(raw))


def save_tokens(store: Store, tokens: Tokens | None) -> None:
    """Keep the tokens of a login, or forget them."""
    body = None if tokens is None else {"access": tokens.access, "refresh": tokens.refresh}
    store.set_setting(TOKENS, None if body is None else json.dumps(body).encode())


def random_number() -> int:
    """A random 62-bit number for a row that should not tell how many came before it."""
    return int.from_bytes(os.urandom(8), "big") >> 2
