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
OFFER_WITHIN: Final = timedelta(seconds=5)
OWN_OFFER_WITHIN: Final = timedelta(seconds=60)
LINK_WITHIN: Final = timedelta(seconds=10)
KEEP_EVERY: Final = timedelta(seconds=8)
CLOSED_GRACE: Final = timedelta(seconds=3)
WEB_SILENT: Final = timedelta(seconds=2)
WEBS_EVERY: Final = timedelta(seconds=1)
GUARDS_EVERY: Final = timedelta(seconds=240)
GUARDS_MISSING_EVERY: Final = timedelta(seconds=20)
GUARDS_AFTER_BREAK: Final = timedelta(seconds=2)
GUARDS_AFTER_ORDER: Final = timedelta(seconds=10)
ONLINE_DELAY_S: Final = (2.0, 10.0)

MAX_TRIES: Final = 6
MAX_ATTEMPTS: Final = 64
BACK_OFF_S: Final = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0)
MAX_DRAWS: Final = 4
ATTEMPTS_PER_MINUTE: Final = 12
LOOKS_PER_MINUTE_OF_ACCOUNT: Final = 240
GUARD_LOOKS_PER_MINUTE_OF_ACCOUNT: Final = 60
# After the first miss in a row, the second and so on: by itself, and at the earliest when it is woken.
LOOK_AGAIN_S: Final = (2.0, 4.0, 8.0, 16.0, 30.0)
LOOK_WOKEN_S: Final = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
WOKEN_PER_OFFER: Final = 4
MAX_WAITING_ACCOUNTS: Final = 500
MAX_WAITING_JOBS: Final = 128
MAX_JOBS: Final = 1_024
# So many tasks wait at most, for however many jobs: each does what there is, and passes on after some.
MAX_TASKS: Final = 4
JOBS_OF_A_TASK: Final = 16
TASK_BEGINS_WITHIN: Final = timedelta(seconds=2)
# So many tasks at most wait for the next job, and for so long. A worker has threads for others, too.
MAX_IDLE: Final = 3
IDLE_FOR: Final = timedelta(seconds=1)
TASKS_TO_RECOVER: Final = 8
# Fewer than a socket's queue holds.
ANSWERED_AT_ONCE: Final = 128
TURNS_EVERY: Final = timedelta(seconds=1)
HELD_BYTES: Final = 131_072
LATEST_ONLINE_DELAY: Final = timedelta(seconds=ONLINE_DELAY_S[1])


def online_delay(rng: random.Random) -> timedelta:
    """Draw how long after a user came online others learn of it, so that the moment itself stays unknown."""
    return timedelta(seconds=rng.uniform(*ONLINE_DELAY_S))
