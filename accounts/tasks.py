"""Tasks of accounts, on the queue `maintenance`."""

from celery import shared_task

from accounts import pruning


@shared_task(queue="maintenance", ignore_result=True)
def prune_expired() -> None:
    """Delete expired envelopes, logins, denied tokens and reserved names."""
    pruning.prune_expired_rows()
