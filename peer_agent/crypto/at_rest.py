"""The encrypted local store: sealed records, and the master key behind them.

Spec: docs/spec/store-at-rest.md
"""

import os
import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Final

from .encoding import VERSION, Reader, exactly, label, u8, u16, u32
from .errors import Malformed, NotOpened, WrongPassphrase
from .primitives import KEY_BYTES, Rng, SealKey, argon2id, derive, mac, pbkdf2, seal, unseal

SPICE_BYTES: Final = 16
PBKDF2_ROUNDS: Final = range(600_000, 10_000_001)
ARGON2ID_MEMORY_KIB: Final = range(19_456, 1_048_577)
ARGON2ID_PASSES: Final = range(2, 17)
ARGON2ID_LANES: Final = range(1, 5)


class Lock(IntEnum):
    """How a master key is kept. This agent writes BARE and ARGON2ID; PBKDF2 is the browser's."""

    BARE = 0
    ARGON2ID = 1
    PBKDF2 = 2


@dataclass(frozen=True)
class MasterKey:
    """The one secret of a local store."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        exactly(self.raw, KEY_BYTES)

    @cached_property
    def record_key(self) -> SealKey:
        return SealKey(derive(self.raw, "record"))

    @cached_property
    def digest_key(self) -> bytes:
        return derive(self.raw, "row-digest")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record belongs; a record moved to another place does not open."""

    table: str
    row_key: bytes
    schema_version: int

    def bound(self) -> bytes:
        table = self.table.encode("utf-8")
        parts = u8(len(table)) + table + u16(len(self.row_key)) + self.row_key + u16(self.schema_version)
        return label("record") + parts


@dataclass(frozen=True, slots=True)
class Argon2idCost:
    """What one guess at a passphrase costs.

    The bounds keep a changed file from asking for too little or too much.

    Raises:
        Malformed: outside the bounds.
    """

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 1

    def __post_init__(self) -> None:
        if self.memory_kib not in ARGON2ID_MEMORY_KIB or self.passes not in ARGON2ID_PASSES:
            raise Malformed
        if self.lanes not in ARGON2ID_LANES:
            raise Malformed


def create_master_key(rng: Rng = os.urandom) -> MasterKey:
    return MasterKey(rng(KEY_BYTES))


def seal_record(master: MasterKey, place: Place, plaintext: bytes, *, rng: Rng = os.urandom) -> bytes:
    """Seal one row for its place."""
    return u8(VERSION) + seal(master.record_key, plaintext, place.bound(), rng)


def open_record(master: MasterKey, place: Place, record: bytes) -> bytes:
    """Open a row from its place.

    Raises:
        UnknownVersion: written by a newer version.
        NotOpened: changed, moved, or of another store.
    """
    reader = Reader(record)
    reader.version()
    return unseal(master.record_key, reader.rest(), place.bound())


def row_digest(master: MasterKey, table: str, value: bytes) -> bytes:
    """Digest of a value in a record, to find its row by; without the master key it tells nothing."""
    named = table.encode("utf-8")
    return mac(master.digest_key, "row-digest", u8(len(named)) + named + value)


def lock_master_key(
    master: MasterKey, passphrase: str | None, *, cost: Argon2idCost | None = None, rng: Rng = os.urandom
) -> bytes:
    """Write the master key file: under a passphrase, or bare for a file that only its owner may read.

    Raises:
        WrongPassphrase: an empty passphrase.
    """
    if passphrase is None:
        return u8(VERSION) + u8(Lock.BARE) + master.raw
    cost, spice = cost or Argon2idCost(), rng(SPICE_BYTES)
    numbers = u32(cost.memory_kib) + u32(cost.passes) + u8(cost.lanes)
    head = u8(VERSION) + u8(Lock.ARGON2ID) + numbers + spice
    return head + seal(_argon2id(passphrase, spice, cost), master.raw, label("master-key") + head, rng)


def needs_passphrase(locked: bytes) -> bool:
    """Whether a master key file is under a passphrase.

    Raises:
        UnknownVersion, Malformed
    """
    reader = Reader(locked)
    reader.version()
    return _read_lock(reader) != Lock.BARE


def unlock_master_key(locked: bytes, passphrase: str | None) -> MasterKey:
    """Read the master key file.

    Raises:
        WrongPassphrase: it does not open, or none was given where one is needed.
        UnknownVersion, Malformed
    """
    reader = Reader(locked)
    reader.version()
    lock = _read_lock(reader)
    if lock == Lock.BARE:
        raw = reader.take(KEY_BYTES)
        reader.finish()
        return MasterKey(raw)
    if passphrase is None:
        raise WrongPassphrase
    key = _read_argon2id(reader, passphrase) if lock == Lock.ARGON2ID else _read_pbkdf2(reader, passphrase)
    head = reader.taken
    try:
        return MasterKey(unseal(key, reader.rest(), label("master-key") + head))
    except NotOpened:
        raise WrongPassphrase from None


def _read_lock(reader: Reader) -> Lock:
    lock = reader.u8()
    if lock not in tuple(Lock):
        raise Malformed
    return Lock(lock)


def _read_argon2id(reader: Reader, passphrase: str) -> SealKey:
    cost = Argon2idCost(reader.u32(), reader.u32(), reader.u8())
    return _argon2id(passphrase, reader.take(SPICE_BYTES), cost)


def _read_pbkdf2(reader: Reader, passphrase: str) -> SealKey:
    rounds = reader.u32()
    if rounds not in PBKDF2_ROUNDS:
        raise Malformed
    return pbkdf2(_typed(passphrase), reader.take(SPICE_BYTES), rounds=rounds)


def _argon2id(passphrase: str, spice: bytes, cost: Argon2idCost) -> SealKey:
    typed = _typed(passphrase)
    return argon2id(typed, spice, memory_kib=cost.memory_kib, passes=cost.passes, lanes=cost.lanes)


def _typed(passphrase: str) -> bytes:
    # Keyboards differ in how they compose letters; what is typed is the same passphrase.
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    if not typed:
        raise WrongPassphrase
    return typed
