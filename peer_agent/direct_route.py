"""The one hop to the contact's own device, as its sender holds it.

Spec: docs/spec/direct.md, section "Cell"
"""

from p2p.protocol.cells import direct_cell
from peer_agent.route import Route


class DirectRoute(Route):
    """A direct link: there is nobody to wrap for."""

    __slots__ = ()

    def cell(self, payload: bytes) -> bytes:
        return direct_cell(payload)
