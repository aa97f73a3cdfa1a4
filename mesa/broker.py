"""How a worker comes back to a broker that was away."""

from functools import partial
from typing import Any, Final

from celery.worker import consumer

PAUSES_S: Final = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2.0}


class Consumer(consumer.Consumer):
    """Celery's, which soon finds a broker that is back: the stock one pauses for up to half a minute."""

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(conn.ensure_connection, **PAUSES_S)
        return super().ensure_connected(conn)
