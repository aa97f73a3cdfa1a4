"""Times and bounds of transactions, each with its reason in the spec.

Spec: docs/spec/transactions.md, section "Limits and timers"
"""

import random
from datetime import timedelta
from typing import Final

START_SAFETY: Final = timedelta(seconds=1)
RECEIPT_WITHIN: Final = timedelta(seconds=10)
IDLE_AFTER: Final = timedelta(seconds=10)
PATH_AGE: Final = timedelta(seconds=60)
GIVE_UP_AFTER: Final = timedelta(seconds=120)
RETRY_WAIT: Final = timedelta(seconds=2)
OFFER_WITHIN: Final = timedelta(seconds=5)
LINK_WITHIN: Final = timedelta(seconds=10)
KEEP_EVERY: Final = timedelta(seconds=8)
CLOSED_GRACE: Final = timedelta(seconds=3)
ONLINE_DELAY_S: Final = (2.0, 10.0)

MAX_TRIES: Final = 6
BACK_OFF_S: Final = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0)
MAX_DRAWS: Final = 4
MAX_LOOKS: Final = 3
ATTEMPTS_PER_MINUTE: Final = 12
ATTEMPTS_PER_MINUTE_OF_ACCOUNT: Final = 240
MAX_QUEUE: Final = 500
HELD_BYTES: Final = 131_072


def online_delay(rng: random.Random) -> timedelta:
    """Draw how long after a user came online others learn of it, so that the moment itself stays unknown."""
    return timedelta(seconds=rng.uniform(*ONLINE_DELAY_S))
