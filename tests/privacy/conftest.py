"""The network of peers of the p2p tests, to look at what crosses their sockets."""

from tests.p2p.conftest import network, tasks_at_once

__all__ = ["network", "tasks_at_once"]
