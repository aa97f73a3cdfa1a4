"""Tasks of accounts. The settings send all that prune to the queue `maintenance`."""

from celery import shared_task

from accounts import pruning


@shared_task(ignore_result=True)
def prune_expired() -> None:
    """Delete expired envelopes, logins, one-time prekeys, denied tokens and reserved names."""
    pruning.prune_expired_rows()
