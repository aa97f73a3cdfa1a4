"""What the recovery code is for: a new device in the place of lost ones, and a new password.

Spec: docs/spec/identity.md, section "Recovery code", and docs/spec/rest.md, section "Accounts"
"""

from collections.abc import Sequence

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
from peer_agent.clock import Clock
from peer_agent.crypto.chain import MAX_STATEMENTS, pack_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceKeys, Identity, RecoveryCode, RecoveryKey, create_device
from peer_agent.crypto.statements import Recover, create_next_statement, is_by_recovery
from peer_agent.errors import LoginRefused, UsageError
from peer_agent.rest import Rest
from peer_agent.sign_up import checked_name, checked_password, forget_recovery_code, log_in
from peer_agent.store import Store
from peer_agent.versions import require_common


async def recover(
    store: Store, server: str, username: str, code: RecoveryCode, password: str, clock: Clock
) -> Account:
    """Put this device in the place of all others of an account, and log in; go on after an interruption.

    Raises:
        UsageError: this state directory has a login, another account or a device that was removed, or the
            password is short.
        LoginRefused: name or code is wrong.
        Refused, ServerUnreachable
    """
    name, password = checked_name(username), checked_password(password)
    begun = begun_account(store, server, name)
    device = create_device() if begun is None else begun.device
    key, rest = RecoveryKey.from_code(code), Rest(server, save=lambda tokens: save_tokens(store, tokens))
    try:
        await require_common(rest)
        api = Api(rest)
        identity = _own(await api.accounts.recovery_chain(name, key.signing.public.raw), name, key)
        # Named already: the request of an earlier run arrived, though its answer did not.
        is_named = device.entry in identity.devices
        statements = identity.statements if is_named else _recovered(identity, device, key, clock.day())
        account = Account(server, name, device, pack_chain(statements))
        with store.transaction():
            save_account(store, account)
            # Whoever recovers has the code; one of a sign-up that gives way here is good for nothing.
            forget_recovery_code(store)
            store.set_setting(UNTOLD, None)
        await _prove(api, account, key, password, None if is_named else statements[-1])
        await log_in(api, account, password)
    finally:
        await rest.aclose()
    return account


async def reset_password(store: Store, code: RecoveryCode, password: str) -> Account:
    """Set the password of this device's account by the recovery code, and log in again.

    Raises:
        LoginRefused: there is no account here, or it has another code.
        Refused, ServerUnreachable, UsageError
    """
    account, password = require_account(store), checked_password(password)
    rest = Rest(account.server, save=lambda tokens: save_tokens(store, tokens))
    try:
        await _prove(Api(rest), account, RecoveryKey.from_code(code), password, None)
        await log_in(Api(rest), account, password)
    finally:
        await rest.aclose()
    return account


async def change_password(store: Store, old: str, new: str) -> Account:
    """Change the password of this device's account; all other logins end.

    Raises:
        LoginRefused: the old password is another, or there is no login.
        Refused, ServerUnreachable, UsageError
    """
    account, new = require_account(store), checked_password(new)
    rest = Rest(account.server, tokens=load_tokens(store), save=lambda tokens: save_tokens(store, tokens))
    try:
        await Api(rest).accounts.change_password(old, new)
    finally:
        await rest.aclose()
    return account


async def _prove(
    api: Api, account: Account, key: RecoveryKey, password: str, statement: bytes | None
) -> None:
    challenge = await api.accounts.challenge()
    signature = key.prove(account.identity.fingerprint, challenge)
    await api.accounts.recover(account.username, password, challenge, signature, statement)


def _own(statements: Sequence[bytes], name: str, key: RecoveryKey) -> Identity:
    """The identity that a server shows for a name and a recovery key, if it is that."""
    try:
        identity = verify_chain(statements)
    except CryptoError as error:
        raise LoginRefused("What the server shows as your identity does not verify.") from error
    if identity.user_name != name or identity.recovery != key.signing.public:
        raise LoginRefused("What the server shows as your identity is somebody else's.")
    return identity


def _recovered(identity: Identity, device: DeviceKeys, key: RecoveryKey, day: int) -> tuple[bytes, ...]:
    """The chain with this device as its only one."""
    kept = identity.statements
    if len(kept) == MAX_STATEMENTS:
        # A full chain is taken up again after the last statement by recovery.
        kept = kept[: 1 + max(at for at in range(len(kept)) if at == 0 or is_by_recovery(kept[at]))]
    before = verify_chain(kept)
    statement = create_next_statement(before, Recover(device.entry), key.signing, device.signing, day=day)
    try:
        return verify_chain([*kept, statement]).statements
    except CryptoError as error:
        sentence = "This state directory is that of a device that was removed: name another --state."
        raise UsageError(sentence) from error
