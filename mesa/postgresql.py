"""Connections to PostgreSQL whose every wait ends.

The server itself ends a statement that takes too long (`statement_timeout`), but one that is frozen, or whose
machine is gone, ends nothing: then it is the client who gives up.
"""

from typing import Any, Final

import psycopg

from mesa.patience import time_left_s

# Longer than the server's own limit, since the server tells why it ended a statement.
STATEMENT_DEADLINE_S: Final = 22.0


class Connection(psycopg.Connection[Any]):
    """psycopg's connection with a limit on every wait; past it the connection is closed."""

    def wait(self, *args: Any, **options: Any) -> Any:
        if options.get("timeout") is None:
            options["timeout"] = time_left_s(STATEMENT_DEADLINE_S)
        try:
            return super().wait(*args, **options)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                # The answer may still come, to whoever asks next.
                self.pgconn.finish()
            raise
