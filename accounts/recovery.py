"""The recovery code at work: a new password, and a new device in the place of lost ones.

The server never sees the code. It asks for a signature of the key behind it.

Spec: docs/spec/identity.md, and docs/spec/rest.md, section "Accounts"
"""

from dataclasses import dataclass

from django.db import transaction

from accounts.chains import Kind
from accounts.challenges import spend_challenge
from accounts.delivery import delete_all_tokens
from accounts.errors import RecoveryRefused
from accounts.identities import append_statement, read_identity, statements_of
from accounts.layouts import Refused
from accounts.logins import end_all_logins
from accounts.models import User
from accounts.passwords import hashing_slot
from accounts.statements import verify_recovery_proof
from p2p.protocol.words import SessionEndCause

RECOVERING = frozenset({Kind.RECOVER})


@dataclass(frozen=True, slots=True)
class RecoveryProof:
    """What the holder of a recovery code shows: the challenge it was given and its signature over it."""

    challenge: bytes
    signature: bytes


def find_chain(*, username: str, recovery_key: bytes) -> list[bytes]:
    """Give a user's chain to whoever can name its recovery key: a device that has nothing but the code.

    Raises:
        RecoveryRefused: no such user, or another key.
    """
    user = _find(username)
    if read_identity(user).recovery_key != recovery_key:
        raise RecoveryRefused
    return statements_of(user)


def recover_account(*, username: str, password: str, proof: RecoveryProof, statement: bytes | None) -> User:
    """Set a password by the recovery code, and end all logins; with a statement also replace all devices.

    Raises:
        RecoveryRefused: no such user, a spent challenge, or a proof by another key.
        StatementInvalid, StatementBehind: the statement can not stand in the chain.
        TooBusy: too many passwords are being hashed.
    """
    # Spent first, whatever follows: a challenge must not live through a refused try.
    fresh = spend_challenge(proof.challenge)
    user = _find(username)
    if not fresh:
        raise RecoveryRefused
    _check(user, proof)
    # Not within the transaction: the database would be locked for as long as hashing takes.
    with hashing_slot():
        user.set_password(password)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        # Again, under the lock: another code may have come into force in between.
        _check(user, proof)
        user.save(update_fields=["password"])
        end_all_logins(user=user, cause=_cause(statement))
        if statement is not None:
            append_statement(user=user, signed=statement, kinds=RECOVERING)
            delete_all_tokens(user=user)
    return user


def _cause(statement: bytes | None) -> SessionEndCause:
    return SessionEndCause.REVOKED if statement is None else SessionEndCause.REMOVED


def _find(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True, statements__isnull=False).first()
    if user is None:
        raise RecoveryRefused
    return user


def _check(user: User, proof: RecoveryProof) -> None:
    identity = read_identity(user)
    try:
        verify_recovery_proof(
            recovery_key=identity.recovery_key,
            fingerprint=identity.fingerprint,
            challenge=proof.challenge,
            proof=proof.signature,
        )
    except Refused:
        raise RecoveryRefused from None
