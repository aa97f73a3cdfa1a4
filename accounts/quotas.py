"""Allowances over a stretch of the clock, counted in the store for one person at a time.

The stretches begin with the hour or the day, not with the first use: a counter's end must not tell when
somebody began. For the same reason nothing but a count is kept: with times in them, the counter of a claimer
and that of a target would show who claimed whose keys.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.utils.crypto import salted_hmac

from accounts.errors import QuotaSpent
from mesa import store


@dataclass(frozen=True, slots=True)
class Quota:
    """How often something may be done in each stretch of the clock."""

    name: str
    uses: int
    stretch: timedelta


def spend(quota: Quota, ident: str) -> None:
    """Count one use for a person.

    Raises:
        QuotaSpent: none is left until the stretch ends.
    """
    now = time.time()
    number = int(now // quota.stretch.total_seconds())
    ends_at = (number + 1) * quota.stretch.total_seconds()
    digest = salted_hmac(f"mesa/quota/{quota.name}/{number}", ident, algorithm="sha256").hexdigest()[:32]
    key = store.key("quota", quota.name, digest)
    with store.client().pipeline() as batch:
        batch.incr(key)
        batch.expireat(key, int(ends_at))
        used = batch.execute()[0]
    if used > quota.uses:
        raise QuotaSpent(ends_at - now)
