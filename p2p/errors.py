"""What may go wrong in p2p, in words of the domain. `code` is the problem of the REST page.

Spec: docs/spec/rest.md
"""


class P2PError(Exception):
    """Base of all refusals here."""

    code = "invalid"


class TransactionExists(P2PError):
    """The id is in use: by another device, or by a transaction that has ended."""

    code = "transaction_exists"


class TooManyTransactions(P2PError):
    """The device has as many open transactions as it may."""

    code = "throttled"


class TooBusy(P2PError):
    """The queue of tasks is too long to take another transaction."""

    code = "unavailable"


class TransactionNotFound(P2PError):
    """No such transaction, or not this device's."""

    code = "not_found"


class TokenNotFound(P2PError):
    """No such delivery token of the caller's."""

    code = "not_found"


class HopNotFound(P2PError):
    """No such hop, or not at this peer's own position."""

    code = "not_found"
