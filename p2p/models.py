"""What is left of a transaction in SQL: counters and causes, times to the minute, nobody's name.

Who it is between, and who forwards, is in the in-memory store only and ends with it.
"""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from p2p.protocol.words import Cause

CAUSES = [(cause.value, cause.value) for cause in Cause]


class State(models.TextChoices):
    """How far a transaction, or one of its paths, has come."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"


def to_the_minute(time: datetime) -> datetime:
    """Cut a time so that rows can not be matched with somebody's traffic."""
    return time.replace(second=0, microsecond=0)


class P2PTransactionQuerySet(models.QuerySet["P2PTransaction"]):
    """Questions about transactions."""

    def alive(self) -> "P2PTransactionQuerySet":
        """Those that have not ended, as far as the database knows."""
        return self.filter(state=State.OPEN)

    def ended_before(self, time: datetime) -> "P2PTransactionQuerySet":
        return self.filter(ended__lt=time)


class P2PTransaction(models.Model):
    """That a transaction was, and how it ended. Its id was chosen by the client, at random."""

    id = models.UUIDField(primary_key=True, editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    attempts = models.PositiveSmallIntegerField(default=0)
    cause = models.CharField(max_length=18, choices=CAUSES, blank=True, default="")
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = P2PTransactionQuerySet.as_manager()

    class Meta:
        verbose_name = "transaction"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state=State.OPEN, ended__isnull=True)
                | Q(state__in=[State.COMPLETED, State.FAILED], ended__isnull=False),
                name="p2p_transaction_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return "a transaction"


class TransactionTally(models.Model):
    """How many transactions ended in an hour, in which way. Rows of P2PTransaction become this when they go.

    `had_path`: whether any attempt was made; if not, somebody was not there all the time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hour = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State.choices)
    cause = models.CharField(max_length=18, choices=CAUSES, blank=True, default="")
    had_path = models.BooleanField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hour", "state", "cause", "had_path"], name="p2p_tally_one_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return "a count of transactions"


class P2PPath(models.Model):
    """That an attempt was made, and how it went. Not over whom."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    transaction = models.ForeignKey(P2PTransaction, on_delete=models.CASCADE, related_name="paths")
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["transaction", "attempt"], name="p2p_path_attempt_unique"),
        ]

    def __str__(self) -> str:
        return "an attempt"
