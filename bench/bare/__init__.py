"""A bare server on Mesa's stack: what a transaction costs before anything of Mesa is done.

daphne, Channels, Django REST framework and Celery as one writes them, and behind them nothing: it speaks as
much of the session socket as light peers need, sends them what Mesa would, and notes what they say.
"""

from typing import Final

# The file that the worker leaves in the state directory once it takes tasks.
WORKER_IS_READY: Final = "worker-is-ready"
