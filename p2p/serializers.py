"""Shapes of the request bodies of p2p, and nothing else.

Spec: docs/spec/rest.md, section "P2P"
"""

from accounts.fields import Bytes, Id, Items, StrictSerializer
from p2p.protocol.ids import TICKET_BYTES, TOKEN_BYTES
from p2p.protocol.limits import MAX_TICKETS


class NewTransaction(StrictSerializer):
    """`POST transactions/`."""

    id = Id()
    token = Bytes(sizes=[TOKEN_BYTES])
    tickets = Items(Bytes(at_most=TICKET_BYTES), at_least=0, at_most=MAX_TICKETS)


class NewDirectTransaction(StrictSerializer):
    """`POST direct/`."""

    id = Id()
    token = Bytes(sizes=[TOKEN_BYTES])
    own = Bytes(sizes=[TOKEN_BYTES])
