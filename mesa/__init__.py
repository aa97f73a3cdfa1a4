"""The server project: settings, the doors to the store, and the process tree."""

from mesa.celery import app as celery_app

__all__ = ["celery_app"]
