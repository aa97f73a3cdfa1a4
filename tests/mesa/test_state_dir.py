import os
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from mesa import state_dir


def test_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first, again = state_dir.secret_key(tmp_path), state_dir.secret_key(tmp_path)

    assert first == again
    assert len(first) >= 40
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        keys = set(pool.map(state_dir.secret_key, [tmp_path] * 8))

    assert len(keys) == 1


def test_state_directory_is_closed_to_others(tmp_path: Path) -> None:
    wide = tmp_path / "state"
    wide.mkdir(mode=0o755)

    state_dir.make_private(wide)

    assert stat.S_IMODE(wide.stat().st_mode) == 0o700


def test_state_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(state_dir.StateDirError):
        state_dir.make_private(tmp_path / "link")


def test_state_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(state_dir.StateDirError):
        state_dir.make_private(tmp_path / "file")


def test_socket_lies_in_the_state_directory_when_its_path_is_short() -> None:
    assert state_dir.store_socket(Path("/srv/mesa")) == Path("/srv/mesa/store.sock")


def test_socket_of_a_long_state_directory_is_short_and_its_own() -> None:
    one, other = Path("/srv") / ("a" * 120), Path("/srv") / ("b" * 120)

    sockets = {state_dir.store_socket(one), state_dir.store_socket(other)}

    assert len(sockets) == 2
    assert all(len(os.fsencode(path)) <= state_dir.SOCKET_PATH_BYTES for path in sockets)
    assert state_dir.store_socket(one) in sockets


def test_url_of_the_store_survives_odd_names() -> None:
    assert state_dir.store_url(Path("/srv/a b?#")) == "unix:///srv/a%20b%3F%23/store.sock"
