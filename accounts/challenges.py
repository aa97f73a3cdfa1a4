"""Login challenges: random bytes that are good for one proof within a minute.

Spec: docs/spec/rest.md, section "Accounts"
"""

import hashlib
import secrets
from datetime import timedelta

from mesa import store

CHALLENGE_BYTES = 32
CHALLENGE_TTL = timedelta(seconds=60)


def issue_challenge() -> bytes:
    """Draw a challenge and remember it until it is spent or a minute has passed."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    store.client().set(_key(challenge), "1", px=CHALLENGE_TTL)
    return challenge


def spend_challenge(challenge: bytes) -> bool:
    """Use a challenge up; True for one caller only."""
    return bool(store.client().delete(_key(challenge)))


def _key(challenge: bytes) -> str:
    return store.key("challenge", hashlib.sha256(challenge).hexdigest())
