"""ada's device at a server that tells what `status` asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peer_agent import cli
from peer_agent.errors import ExitCode
from tests.peer_agent.served import Served, serve_ada


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        # Fills the stock of prekeys.
        assert cli.main(["--state", str(made.path), "contacts"]) == ExitCode.OK
        yield made
