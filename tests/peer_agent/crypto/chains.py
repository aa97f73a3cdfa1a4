"""Chains that grow: ada's in the vectors, and any that a test draws."""

from collections.abc import Sequence
from dataclasses import replace

from peer_agent.crypto.chain import verify_chain
from peer_agent.crypto.identity import DeviceEntry, DeviceKeys, RecoveryKey, Suite, create_device
from peer_agent.crypto.primitives import Ed25519Private
from peer_agent.crypto.statements import Change, Statement, create_next_statement

from .people import ADA, DAY
from .vector_files import Drawn

LAPTOP = create_device(Drawn("ada's laptop"))
PHONE = create_device(Drawn("ada's phone"))
SECOND_KEY = RecoveryKey(Ed25519Private.generate(Drawn("ada's second code")))

Chain = tuple[bytes, ...]
Signer = DeviceKeys | RecoveryKey

FIRST: Chain = (ADA.statement,)


def grown(chain: Sequence[bytes], change: Change, *signers: Signer, day: int = DAY) -> Chain:
    """A chain with one statement more; a good one if its signers may say so."""
    keys = (signer.signing for signer in signers)
    return (*chain, create_next_statement(verify_chain(chain), change, *keys, day=day))


def signed(statement: Statement, *signers: Signer) -> bytes:
    """A statement that no program would write, with good signatures."""
    return replace(
        statement,
        signatures=tuple(signer.signing.sign("statement", statement.body) for signer in signers),
    ).pack()


def with_suite(device: DeviceKeys, suite: Suite) -> DeviceEntry:
    return replace(device.entry, suite=suite)
