"""The two tasks of a transaction."""

import os

from django.utils import timezone

from bench.bare import frames
from bench.bare.models import BareTransaction
from bench.bare.push import push
from bench.bare.worker import app

DEVICES = int(os.environ["BARE_DEVICES"])


@app.task
def begin(tx: str, sender: int) -> None:
    """Send five peers what they get at the start of a path."""
    push(frames.path_frames(tx, sender, DEVICES))


@app.task
def end(tx: str, sender: int) -> None:
    """Write that it has ended, and tell the sender."""
    BareTransaction.objects.filter(pk=tx).update(state="completed", ended=timezone.now())
    push([(sender, frames.ended(tx))])
