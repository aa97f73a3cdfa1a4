"""The people of the vectors and tests, with keys that are the same in every run."""

from dataclasses import dataclass

from peer_agent.crypto import identity
from peer_agent.crypto.chain import pack_chain, verify_chain
from peer_agent.crypto.statements import create_first_statement

from .vector_files import Drawn

DAY = 20_780
NOW_MS = DAY * 86_400_000


@dataclass(frozen=True)
class Person:
    """A user with one device."""

    name: str
    device: identity.DeviceKeys
    code: identity.RecoveryCode

    @property
    def recovery(self) -> identity.RecoveryKey:
        return identity.RecoveryKey.from_code(self.code)

    @property
    def statement(self) -> bytes:
        return create_first_statement(self.name, self.device, self.recovery, day=DAY)

    @property
    def identity(self) -> identity.Identity:
        return verify_chain([self.statement])

    @property
    def chain(self) -> bytes:
        return pack_chain([self.statement])


def make_person(name: str) -> Person:
    rng = Drawn(name)
    return Person(name, identity.create_device(rng), identity.create_recovery_code(rng))


ADA = make_person("ada")
BO = make_person("bo")
MALLORY = make_person("mallory")
