"""The one row of a transaction."""

from typing import ClassVar

from django.db import models


class BareTransaction(models.Model):
    """That a transaction began, and that it ended."""

    id = models.UUIDField(primary_key=True, editable=False)
    state = models.CharField(max_length=9, default="open")
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True)

    # Written out, since the type checker's settings are Mesa's, which do not know this model.
    objects: ClassVar["models.Manager[BareTransaction]"] = models.Manager()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return "a transaction"
