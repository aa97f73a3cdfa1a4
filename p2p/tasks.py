"""Tasks of p2p: one does work in its turn. None takes an argument (invariant 2)."""

import random
import secrets
from typing import Final

from celery import shared_task
from django.utils import timezone

from p2p import jobs, pruning, turns

# Who forwards must not be guessable from earlier draws.
RNG: Final[random.Random] = secrets.SystemRandom()


@shared_task(ignore_result=True)
def take_turn() -> None:
    """Do a job of the account whose turn it is."""
    job = turns.take(now=timezone.now())
    if job is not None:
        jobs.do(job, now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def recover_turns() -> None:
    """Make up for tasks that were lost."""
    turns.recover()


@shared_task(ignore_result=True)
def prune() -> None:
    """Delete what is left of ended transactions."""
    pruning.prune_transactions(now=timezone.now())
