"""What the owner of an account, or a thief, can sign: the account afterwards, on whichever device."""

from dataclasses import replace

from p2p.protocol.fields import b64_text
from peer_agent.account import Account
from peer_agent.crypto.chain import pack_chain, verify_chain
from peer_agent.crypto.identity import DeviceKeys, RecoveryKey, Suite, create_device
from peer_agent.crypto.statements import (
    AddDevice,
    Change,
    NewRecoveryKey,
    RaiseSuite,
    Recover,
    create_next_statement,
)
from tests.peer_agent.devices import code_of
from tests.peer_agent.fake_server import FakeServer

Signer = DeviceKeys | RecoveryKey


def grown(account: Account, change: Change, *signers: Signer) -> Account:
    """The account with one statement more."""
    keys = (signer.signing for signer in signers)
    statement = create_next_statement(verify_chain(account.statements), change, *keys, day=0)
    return replace(account, chain=pack_chain([*account.statements, statement]))


def recovery_key(account: Account) -> RecoveryKey:
    return RecoveryKey.from_code(code_of(account))


def with_device(account: Account, keys: DeviceKeys | None = None, *, suite: Suite = Suite.HYBRID) -> Account:
    """The account after its device has added another one."""
    keys = keys or create_device()
    added = AddDevice(account.device.device_id, replace(keys.entry, suite=suite))
    return grown(account, added, account.device, keys)


def with_risen_suite(account: Account, keys: DeviceKeys) -> Account:
    return grown(account, RaiseSuite(keys.device_id, Suite.HYBRID), keys)


def with_new_code(account: Account) -> Account:
    new = RecoveryKey.from_code(code_of(account))
    replacement = RecoveryKey(create_device().signing)
    return grown(account, NewRecoveryKey(replacement.signing.public), new, replacement)


def recovered(account: Account, keys: DeviceKeys | None = None) -> Account:
    """The account on a new device, by its recovery code."""
    keys = keys or create_device()
    after = grown(account, Recover(keys.entry), recovery_key(account), keys)
    return replace(after, device=keys)


def show(server: FakeServer, account: Account) -> None:
    """Have a server show this chain for the account's user; prekeys and mailbox stay as they are."""
    server.users[account.username].statements = [b64_text(each) for each in account.statements]
