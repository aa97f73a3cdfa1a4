"""A user with her device, her recovery key, and what they can sign."""

from dataclasses import replace
from typing import Any

from accounts.identities import create_device, read_identity
from accounts.models import Statement
from p2p.protocol.fields import b64_text
from peer_agent.crypto.identity import DeviceKeys, RecoveryKey, Suite, create_recovery_code
from peer_agent.crypto.identity import create_device as create_keys
from peer_agent.crypto.statements import AddDevice, Change, NewRecoveryKey
from tests.accounts.rest import Rest
from tests.factories import (
    LoggedIn,
    keys_of,
    make_login,
    make_next_statement,
    make_statement,
    recovery_key_of,
)


class Household:
    """One account, as its owner holds it. `day`: when it began, other than today."""

    def __init__(self, username: str = "ada", *, day: int | None = None) -> None:
        self.login = make_login(username=username)
        self.user = self.login.device.user
        self.rest = Rest(self.login)
        self.keys = keys_of(self.login.device)
        self.recovery = recovery_key_of(self.user)
        if day is not None:
            signed = make_statement(username, keys=self.keys, recovery=self.recovery, day=day)
            self.user.statements.update(signed=signed)

    def sign(self, change: Change, *signers: DeviceKeys | RecoveryKey, day: int | None = None) -> bytes:
        return make_next_statement(self.user, change, *signers, day=day)

    def new_code(self, *, day: int | None = None) -> bytes:
        code = RecoveryKey.from_code(create_recovery_code())
        return self.sign(NewRecoveryKey(code.signing.public), self.recovery, code, day=day)

    def addition(self, keys: DeviceKeys, *, suite: Suite = Suite.HYBRID) -> bytes:
        added = AddDevice(self.keys.device_id, replace(keys.entry, suite=suite))
        return self.sign(added, self.keys, keys)

    def link(self, keys: DeviceKeys | None = None, *, suite: Suite = Suite.HYBRID) -> LoggedIn:
        """A second device that is logged in, as on a server that takes more than one."""
        keys = keys or create_keys()
        self.hold(self.addition(keys, suite=suite))
        return make_login(device=create_device(self.user, read_identity(self.user).devices[keys.device_id]))

    def hold(self, statement: bytes) -> None:
        """Put a statement into the chain without asking the server."""
        Statement.objects.create(user=self.user, version=self.user.statements.count(), signed=statement)

    def post(self, statement: bytes) -> Any:
        return self.rest.post("statements/", {"statement": b64_text(statement)})

    def held(self) -> list[bytes]:
        return [bytes(each.signed) for each in self.user.statements.order_by("version")]
