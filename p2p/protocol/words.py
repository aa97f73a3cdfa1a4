"""The closed sets of words that frames carry, in the order of the spec.

Spec: docs/spec/signaling.md
"""

from enum import StrEnum


class ToServer(StrEnum):
    """Types of frames from a peer: a wish or a report."""

    HELLO = "hello"
    ICE_CLIENT = "ice_client"
    OFFER = "offer"
    ANSWER = "answer"
    LINK_UP = "link_up"
    LINK_DOWN = "link_down"
    HOP_FAILED = "hop_failed"
    RECEIPT = "receipt"
    COMPLETE = "complete"
    REPATH = "repath"
    PATH_KEEPALIVE = "path_keepalive"
    WATCH = "watch"
    DIRECT_OFFER = "direct_offer"
    DIRECT_ANSWER = "direct_answer"


class ToPeer(StrEnum):
    """Types of frames from the server: a fact or an order."""

    WELCOME = "welcome"
    ICE_SERVERS = "ice_servers"
    SNAPSHOT = "snapshot"
    GUARD = "guard"
    OFFER_WANTED = "offer_wanted"
    READY_TO_RECEIVE = "ready_to_receive"
    PATH_READY = "path_ready"
    ANSWER = "answer"
    LINK_DROP = "link_drop"
    RECEIPT = "receipt"
    ATTEMPT_FAILED = "attempt_failed"
    TRANSACTION_ENDED = "transaction_ended"
    CONTACT_ONLINE = "contact_online"
    MAILBOX = "mailbox"
    REFRESH = "refresh"
    SESSION_END = "session_end"
    DIRECT_ASKED = "direct_asked"
    DIRECT_READY = "direct_ready"


class Nat(StrEnum):
    """How a peer's network treats incoming packets, as far as it knows."""

    UNKNOWN = "unknown"
    OPEN = "open"
    CONE = "cone"
    SYMMETRIC = "symmetric"


class How(StrEnum):
    """How the link of an ordered hop comes to be."""

    OPEN = "open"
    ANSWER = "answer"
    TAKEN = "taken"


class TransactionState(StrEnum):
    """States of a transaction that a snapshot lists."""

    WAITING = "waiting"
    FINDING = "finding"
    OPEN = "open"


class EndState(StrEnum):
    """How a transaction ended."""

    COMPLETED = "completed"
    FAILED = "failed"


class Cause(StrEnum):
    """Why an attempt or a transaction ended."""

    TOO_FEW_FORWARDERS = "too_few_forwarders"
    NO_OFFER = "no_offer"
    HOP_FAILED = "hop_failed"
    PEER_GONE = "peer_gone"
    NO_RECEIPT = "no_receipt"
    SUPERSEDED = "superseded"
    NO_PATH = "no_path"
    IDLE = "idle"
    LOST = "lost"


class SessionEndCause(StrEnum):
    """Why a login ended."""

    LOGOUT = "logout"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REMOVED = "removed"
