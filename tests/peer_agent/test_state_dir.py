"""One agent at a time in a state directory that is its owner's alone."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from peer_agent.errors import StateInUse, UsageError
from peer_agent.state_dir import locked, prepare_state_dir, write_private


def test_directory_is_private_even_if_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir(mode=0o755)

    prepare_state_dir(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_file_in_place_of_the_directory_is_said(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("")

    with pytest.raises(UsageError):
        prepare_state_dir(path)


def test_second_agent_learns_who_is_there(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(StateInUse) as refused, locked(tmp_path):
        pass

    assert f"process {os.getpid()}" in str(refused.value)


def test_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from peer_agent.state_dir import locked\n"
    code += "with locked(Path(sys.argv[1])): os._exit(9)"
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30)
    assert died.returncode == 9

    with locked(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_private_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "code"
    write_private(path, b"first")

    with pytest.raises(FileExistsError):
        write_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
