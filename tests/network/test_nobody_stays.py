"""A fixture that fails leaves no agent behind in a state directory that the next test needs."""

import sys
from pathlib import Path

import pytest

from tests.network.agents import Account, Agent, started

CODE = """import signal; print('{"event": "online"}'); signal.pause()"""
PROGRAM = (sys.executable, "-c", CODE)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fails with an agent online."""
    account = Account("ada", tmp_path_factory.mktemp("left"), "")
    Agent(account, PROGRAM).wait_for_event("online")
    raise LookupError


def test_agent_of_a_fixture_that_fails_is_stopped_and_no_other(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    other = Agent(Account("bo", tmp_path, ""), PROGRAM)
    other.wait_for_event("online")

    with pytest.raises(LookupError):
        request.getfixturevalue("failing")

    assert started[-1].has_ended
    assert not other.has_ended
    other.stop()
