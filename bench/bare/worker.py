"""The Celery app."""

from typing import Any

from celery import Celery
from celery.signals import worker_ready
from django.conf import settings

from bench.bare import WORKER_IS_READY

app = Celery("bare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def say_so(**_: Any) -> None:
    """Leave a file for whoever waits for the worker."""
    (settings.STATE_DIR / WORKER_IS_READY).touch()
