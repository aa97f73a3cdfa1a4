"""Proofs that a description for a direct link was made by the contact. Spec: docs/spec/direct.md"""

import re
from dataclasses import dataclass, field
from typing import Final

from .encoding import exactly
from .errors import Malformed
from .messages import PART_BYTES
from .primitives import derive, mac, same

FINGERPRINT_BYTES: Final = 32
KEY_BYTES: Final = 32
_LINE: Final = re.compile(r"a=fingerprint:(\S+) (\S+)")
_PAIRS: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}")
_HASH: Final = "sha-256"


@dataclass(frozen=True, slots=True)
class Party:
    """What one side brings into a consent: its part, and the fingerprint of its identity."""

    part: bytes = field(repr=False)
    fingerprint: bytes

    def __post_init__(self) -> None:
        exactly(self.part, PART_BYTES)
        exactly(self.fingerprint, FINGERPRINT_BYTES)


@dataclass(frozen=True, slots=True)
class DirectKey:
    """What both sides of a consent hold; proves descriptions, and seals nothing."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        exactly(self.raw, KEY_BYTES)

    def prove_offer(self, maker: bytes, offer: bytes) -> bytes:
        """Prove an offer; `maker` is the identity of who made it, `offer` its description's fingerprint."""
        return mac(self.raw, "direct-offer", _whole(maker) + _whole(offer))

    def prove_answer(self, maker: bytes, offer: bytes, answer: bytes) -> bytes:
        """Prove an answer together with the offer that it answers."""
        return mac(self.raw, "direct-answer", _whole(maker) + _whole(offer) + _whole(answer))

    def proves_offer(self, proof: bytes, maker: bytes, offer: bytes) -> bool:
        """Tell in constant time whether an offer is its maker's."""
        return same(proof, self.prove_offer(maker, offer))

    def proves_answer(self, proof: bytes, maker: bytes, offer: bytes, answer: bytes) -> bool:
        """Tell in constant time whether an answer is its maker's, and for this offer."""
        return same(proof, self.prove_answer(maker, offer, answer))


def agree(one: Party, other: Party) -> DirectKey:
    """Make the key of a consent; both sides get the same, whoever asked.

    Raises:
        Malformed: a part or a fingerprint has another size.
    """
    lower, higher = sorted((one, other), key=lambda each: each.fingerprint)
    parts, fingerprints = lower.part + higher.part, lower.fingerprint + higher.fingerprint
    return DirectKey(derive(parts, "direct", fingerprints))


def fingerprint_of(description: str) -> bytes:
    """Read the fingerprint of the certificate that a description stands for.

    Raises:
        Malformed: there is none of SHA-256, there are two, or it is not well written.
    """
    found = (_LINE.fullmatch(line.strip()) for line in description.splitlines())
    values = {line[2].upper() for line in found if line and line[1].lower() == _HASH}
    if len(values) != 1:
        raise Malformed
    (value,) = values
    if not _PAIRS.fullmatch(value):
        raise Malformed
    return bytes.fromhex(value.replace(":", ""))


def with_one_fingerprint(description: str) -> str:
    """Take the fingerprints with other hashes out: nothing else is to be compared with a certificate."""
    kept = [line for line in description.splitlines() if line and not _is_of_another_hash(line)]
    return "".join(f"{line}\r\n" for line in kept)


def _is_of_another_hash(line: str) -> bool:
    return line.startswith("a=fingerprint:") and not line.lower().startswith(f"a=fingerprint:{_HASH} ")


def _whole(fingerprint: bytes) -> bytes:
    return exactly(fingerprint, FINGERPRINT_BYTES)
