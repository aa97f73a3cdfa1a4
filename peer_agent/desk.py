"""An account's conversations without its place in the network, for commands that only ask the server."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import LinkId
from peer_agent.account import Account, load_account, load_tokens, require_account, save_tokens
from peer_agent.api import Api
from peer_agent.assembly import Conversations, Surroundings, assemble
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.errors import LoginRefused, UsageError
from peer_agent.events import Events
from peer_agent.rest import Rest
from peer_agent.state_dir import locked, prepare_state_dir
from peer_agent.store import KEY_NAME, Store, open_store
from peer_agent.tasks import Tasks
from peer_agent.turn_only import choose_turn_only

REFILL_ONE_IN = 4


@dataclass(frozen=True, slots=True)
class Desk:
    """What such a command works with."""

    account: Account
    store: Store
    api: Api
    conversations: Conversations

    async def look_into_mailbox(self) -> None:
        """Bring prekeys up to date, send what waits, and take in what came.

        Raises:
            ServerUnreachable, LoginRefused, Refused
        """
        await self.conversations.prekeys.check()
        # Not with every command: a refill must not tell when a contact was made.
        if secrets.randbelow(REFILL_ONE_IN) == 0:
            await self.conversations.tokens.refill()
        await self.conversations.tokens.withdraw()
        await self.conversations.posts.deliver()
        await self.conversations.mailbox.empty()


@contextlib.contextmanager
def new_store(config: Config) -> Iterator[Store]:
    """Lock a state directory and open its store; what is missing of both is made.

    Raises:
        StateInUse, StoreClosed, UsageError
    """
    with _locked_store(config) as store:
        choose_turn_only(store, config.turn_only)
        yield store


@contextlib.contextmanager
def opened_store(config: Config) -> Iterator[Store]:
    """Lock the state directory of an account and open its store.

    Raises:
        LoginRefused: there is no account; nothing was made.
        UsageError: the account is on another server than the one named.
        StateInUse, StoreClosed
    """
    _require_key(config)
    with _locked_store(config) as store:
        _require_account(store, config)
        choose_turn_only(store, config.turn_only)
        yield store


@contextlib.contextmanager
def _locked_store(config: Config) -> Iterator[Store]:
    path = prepare_state_dir(config.state_dir)
    with locked(path, config.command), contextlib.closing(open_store(path, config.passphrase)) as store:
        yield store


@contextlib.contextmanager
def read_store(config: Config) -> Iterator[Store]:
    """Open the store of an account to read it, or to leave a wish, also while an agent works on it.

    Raises:
        LoginRefused: there is no account; nothing was made.
        UsageError: the account is on another server than the one named.
        StoreClosed
    """
    _require_key(config)
    with contextlib.closing(open_store(config.state_dir, config.passphrase)) as store:
        _require_account(store, config)
        yield store


def _require_key(config: Config) -> None:
    if not (config.state_dir / KEY_NAME).exists():
        raise _no_account(config)


def _require_account(store: Store, config: Config) -> None:
    account = load_account(store)
    if account is None:
        raise _no_account(config)
    if config.server not in (None, account.server):
        raise UsageError(f"The account of this state directory is on {account.server}: leave --server out.")


def _no_account(config: Config) -> LoginRefused:
    return LoginRefused(
        f"There is no account in {config.state_dir}: run `mesa-peer register`, or name another --state."
    )


@contextlib.asynccontextmanager
async def opened_desk(config: Config) -> AsyncIterator[Desk]:
    """Open an account for a command that needs no socket.

    Raises:
        StateInUse, StoreClosed, LoginRefused, UsageError
    """
    clock = Clock()
    with opened_store(config) as store:
        account, tokens = require_account(store), load_tokens(store)
        if tokens is None:
            raise LoginRefused("There is no login: run `mesa-peer login`.")
        rest = Rest(account.server, tokens=tokens, save=lambda new: save_tokens(store, new))
        async with contextlib.aclosing(rest), Tasks() as tasks:
            api = Api(rest)
            around = Surroundings(
                account, api, store, tasks, clock, _no_cell, _no_frame, Events(clock.unix).publish
            )
            yield Desk(account, store, api, assemble(around))


async def fill_stocks(config: Config) -> None:
    """Leave prekeys and delivery tokens of a new account with the server, so that others can write.

    Raises:
        ServerUnreachable, LoginRefused, Refused
    """
    async with opened_desk(config) as desk:
        await desk.conversations.prekeys.check()
        await desk.conversations.tokens.refill()


def _no_cell(link: LinkId, frame: bytes) -> bool:
    """There are no links at a desk."""
    return False


def _no_frame(frame: FrameToServer) -> None:
    """There is no socket at a desk."""
