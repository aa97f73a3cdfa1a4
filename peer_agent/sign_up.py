"""Makes an account, logs its device in and out. Keys are on the disk before the server hears of them.

Spec: docs/spec/identity.md and docs/spec/rest.md, section "Accounts"
"""

from peer_agent.account import (
    UNTOLD,
    Account,
    begun_account,
    load_tokens,
    require_account,
    save_account,
    save_tokens,
)
from peer_agent.api import Api
from peer_agent.clock import Clock, spoken
from peer_agent.contact_book import folded, is_user_name
from peer_agent.crypto.chain import pack_chain
from peer_agent.crypto.identity import RecoveryCode, RecoveryKey, create_device, create_recovery_code
from peer_agent.crypto.statements import create_first_statement
from peer_agent.errors import LoginRefused, Refused, UsageError
from peer_agent.rest import Rest
from peer_agent.store import Store
from peer_agent.versions import require_common

RECOVERY = "recovery_code"
MIN_PASSWORD_SIGNS = 10
# The rate of logins asks for a second or two, the lock for a quarter of an hour.
LONGEST_RATE_S = 60.0
# What a server says that has made the account already: the name is taken, the invitation used up.
MAYBE_OURS = frozenset({"username_taken", "invitation_refused", "registration_closed"})
# Unless it heard of the account before, what it says then is that it has made none.
NOT_MADE = MAYBE_OURS | {"invalid"}


def checked_name(text: str) -> str:
    """A user name for a new account, as the server keeps it.

    Raises:
        UsageError: the server would not take it.
    """
    name = folded(text)
    if not is_user_name(name):
        raise UsageError("A user name has 2 to 32 letters a to z, digits, _ or -, and starts with a letter.")
    return name


def checked_password(password: str) -> str:
    """A password for a new account.

    Raises:
        UsageError: the server would not take it.
    """
    if len(password) < MIN_PASSWORD_SIGNS:
        raise UsageError(f"The password has fewer than {MIN_PASSWORD_SIGNS} characters.")
    return password


async def register(
    store: Store, server: str, username: str, password: str, clock: Clock, *, invitation: str = ""
) -> Account:
    """Make an account and log in; after an interruption, go on with the same keys.

    Raises:
        UsageError: this state directory has another account, or name or password is not allowed.
        Refused: the name is taken, the password too easy to guess, or the server takes no new account, or
            none with this invitation.
        ServerUnreachable
    """
    name, password = checked_name(username), checked_password(password)
    account = begun_account(store, server, name) or _prepare(store, server, name, clock)
    rest = Rest(server, save=lambda tokens: save_tokens(store, tokens))
    try:
        await require_common(rest)
        await _tell(store, Api(rest), account, password, invitation)
    finally:
        await rest.aclose()
    return account


async def login(store: Store, password: str) -> Account:
    """Log in with the device of this state directory.

    Raises:
        LoginRefused: no account here, or the server refuses it.
        Refused: too many wrong passwords.
        ServerUnreachable
    """
    account = require_account(store)
    rest = Rest(account.server, save=lambda tokens: save_tokens(store, tokens))
    try:
        await require_common(rest)
        await log_in(Api(rest), account, password)
    finally:
        await rest.aclose()
    return account


async def logout(store: Store) -> Account:
    """End the login at the server, and forget it here; keys and messages stay.

    Raises:
        ServerUnreachable: the login goes on.
    """
    account, tokens = require_account(store), load_tokens(store)
    if tokens is None:
        return account
    rest = Rest(account.server, tokens=tokens, save=lambda new: save_tokens(store, new))
    try:
        await Api(rest).accounts.logout()
    except LoginRefused:
        # It had ended before; the result is the same.
        pass
    finally:
        await rest.aclose()
    save_tokens(store, None)
    return account


async def remove(store: Store, password: str) -> None:
    """Remove the account of this device at the server.

    Raises:
        LoginRefused: the password is another, or the login has ended.
        Refused, ServerUnreachable
    """
    account = require_account(store)
    rest = Rest(account.server, tokens=load_tokens(store), save=lambda tokens: save_tokens(store, tokens))
    try:
        await Api(rest).accounts.remove(password)
    finally:
        await rest.aclose()


def recovery_code(store: Store) -> RecoveryCode | None:
    """The recovery code, as long as nobody has confirmed that it was written down."""
    raw = store.setting(RECOVERY)
    return None if raw is None else RecoveryCode(raw.decode("ascii"))


def forget_recovery_code(store: Store) -> None:
    """Remove the recovery code: from now on only the user has it."""
    store.set_setting(RECOVERY, None)


def _prepare(store: Store, server: str, username: str, clock: Clock) -> Account:
    device, code = create_device(), create_recovery_code()
    statement = create_first_statement(username, device, RecoveryKey.from_code(code), day=clock.day())
    account = Account(server, username, device, pack_chain([statement]))
    with store.transaction():
        save_account(store, account)
        store.set_setting(RECOVERY, code.encode("ascii"))
        store.set_setting(UNTOLD, b"1")
    return account


async def _tell(store: Store, api: Api, account: Account, password: str, invitation: str) -> None:
    is_first = store.setting(UNTOLD) is not None
    store.set_setting(UNTOLD, None)
    try:
        await _register_or_resume(api, account, password, invitation)
    except Refused as error:
        if is_first and error.code in NOT_MADE:
            store.set_setting(UNTOLD, b"1")
        raise


async def _register_or_resume(api: Api, account: Account, password: str, invitation: str) -> None:
    try:
        await api.accounts.register(account.username, password, account.statements, invitation=invitation)
    except Refused as error:
        if error.code not in MAYBE_OURS:
            raise
        # It may be ours, made a moment ago by a request whose answer got lost.
        try:
            await log_in(api, account, password)
        except (LoginRefused, Refused):
            raise error from None
        return
    await log_in(api, account, password)


async def log_in(api: Api, account: Account, password: str) -> None:
    """Log a device in by its key and the password.

    Raises:
        LoginRefused: one of them is wrong; the server does not say which.
        Refused: too many wrong passwords.
        ServerUnreachable
    """
    challenge = await api.accounts.challenge()
    signature = account.device.prove_login(challenge)
    try:
        await api.accounts.login(account.username, password, account.device_id, challenge, signature)
    except Refused as error:
        wait_s = error.retry_after_s or 0.0
        if error.code != "throttled" or wait_s <= LONGEST_RATE_S:
            raise
        sentence = f"Too many wrong passwords: try again in {spoken(wait_s)}."
        raise Refused(sentence, code=error.code, retry_after_s=wait_s) from None
