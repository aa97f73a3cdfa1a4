"""What it looks like when a server that Mesa needs is down. Anything else that a client raises is a bug.

The clients wrap what the system raises; the system's own errors come from limits that we set around them.
"""

from typing import Final

from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as StoreConnectionError
from redis.exceptions import (  # type: ignore[attr-defined]  # the stubs lack the first
    OutOfMemoryError,
    ReadOnlyError,
)
from redis.exceptions import TimeoutError as StoreTimeout

# A store that is full, or has become a copy of another one, takes no writes: for callers it is down.
STORE_DOWN: Final = (
    StoreConnectionError,
    StoreTimeout,
    OutOfMemoryError,
    ReadOnlyError,
    BrokerError,
    ConnectionError,
    TimeoutError,
)
DATABASE_DOWN: Final = (OperationalError, InterfaceError)
