"""Tasks of the project itself. The settings send all that prune to the queue `maintenance`."""

from celery import shared_task

from mesa import journal


@shared_task(ignore_result=True)
def prune_journal() -> None:
    """Let no deleted row stay readable in the database's journal."""
    journal.empty()
