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
_LINE: Final = re.compile(r"a=fingerprint:([!-~]+) ([!-~]+)")
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

    What uses the description reads it by itself: a line that one of the two might pass over is none of ours.

    Raises:
        Malformed: there is none of SHA-256, there are two, or one of any hash is not written as it should be.
    """
    found = [_LINE.fullmatch(line) for line in description.splitlines() if _is_named_in(line)]
    values = {line[2].upper() for line in found if line and line[1].lower() == _HASH}
    if len(values) != 1 or not all(found):
        raise Malformed
    (value,) = values
    if not _PAIRS.fullmatch(value):
        raise Malformed
    return bytes.fromhex(value.replace(":", ""))


def with_one_fingerprint(description: str) -> str:
    """Take the fingerprints with other hashes out: nothing else is to be compared with a certificate."""
    kept = [line for line in description.splitlines() if line and (not _is_named_in(line) or _is_ours(line))]
    return "".join(f"{line}\r\n" for line in kept)


def _is_named_in(line: str) -> bool:
    return "fingerprint" in line.lower()


def _is_ours(line: str) -> bool:
    found = _LINE.fullmatch(line)
    return found is not None and found[1].lower() == _HASH


def _whole(fingerprint: bytes) -> bytes:
    return exactly(fingerprint, FINGERPRINT_BYTES)
