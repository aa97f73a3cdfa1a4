"""Days as signed layouts count them.

Spec: docs/spec/encoding.md
"""

from datetime import UTC, date

from django.utils import timezone

EPOCH_DAY = date(1970, 1, 1)
# How far the day in something signed may be from the server's when it is uploaded, both ways.
TOLERANCE_DAYS = 2


def today() -> int:
    """Count the whole days since 1970-01-01 UTC."""
    return (timezone.now().astimezone(UTC).date() - EPOCH_DAY).days


def is_about(day: int, *, of: int) -> bool:
    """Say whether a signed day is near enough to a day of the server's."""
    return abs(day - of) <= TOLERANCE_DAYS
