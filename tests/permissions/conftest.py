"""The network of peers of the p2p tests, for the table of frames."""

from tests.p2p.conftest import network, tasks_at_once

__all__ = ["network", "tasks_at_once"]
