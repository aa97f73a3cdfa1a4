"""What it looks like when the store or the broker does not answer. Anything else that they raise is a bug."""

from typing import Final

from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as StoreConnectionError
from redis.exceptions import TimeoutError as StoreTimeout

UNREACHABLE: Final = (StoreConnectionError, StoreTimeout, BrokerError, OSError)
