"""Whatever would break a promise at run time stops the start, in each process by itself."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.test import override_settings

from mesa import checks, state_dir
from tests.live_tree import ROOT, LiveTree
from tests.mesa.running_store import running_store

SECRET = {"MESA_SECRET_KEY": "x" * 40}
UNFIT = [
    (("--save", "60 1"), "save"),
    (("--appendonly", "yes"), "appendonly"),
    (("--maxmemory-policy", "allkeys-lru"), "maxmemory-policy"),
]
SNAPSHOT = UNFIT[0][0]
# Both ways in which hosted stores keep their settings to themselves.
SILENT = [
    ("--rename-command", "CONFIG", ""),
    ("--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config"),
]
WEB = ("daphne", "-u", "web.sock", "mesa.asgi:application")
WORKER = ("celery", "-q", "-A", "mesa", "worker", "-P", "threads", "-c", "1")


def run(command: tuple[str, ...], state: Path, store_url: str) -> subprocess.CompletedProcess[str]:
    """Run a process of the server as a supervisor would, on a given store."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MESA_", "DJANGO_"))}
    given = {"MESA_STATE_DIR": str(state), "MESA_REDIS_URL": store_url, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *command],
        cwd=state,
        env=clean | SECRET | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_store_as_mesa_starts_it_is_fit(tmp_path: Path) -> None:
    with running_store(tmp_path):
        assert checks.store_faults() == []
        assert checks.check_store(None) == []


@pytest.mark.parametrize(("more", "fault"), UNFIT)
def test_store_that_keeps_or_drops_things_is_unfit(tmp_path: Path, more: tuple[str, ...], fault: str) -> None:
    with running_store(tmp_path, *more):
        assert checks.store_faults() == [fault]
        with pytest.raises(checks.StoreUnfit, match=f"must run with {fault} "):
            checks.require_fit_store(limit_s=0)
        assert [message.id for message in checks.check_store(None)] == ["mesa.E002"]


@pytest.mark.parametrize("more", SILENT)
def test_store_that_does_not_tell_its_settings_needs_the_operators_word(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    with running_store(tmp_path, *more):
        with pytest.raises(checks.StoreUnfit, match="MESA_STORE_VOUCHED=yes"):
            checks.require_fit_store(limit_s=0)
        with override_settings(STORE_VOUCHED=True):
            checks.require_fit_store(limit_s=0)


def test_operators_word_does_not_hide_a_fault(tmp_path: Path) -> None:
    with (
        running_store(tmp_path, *SNAPSHOT),
        override_settings(STORE_VOUCHED=True),
        pytest.raises(checks.StoreUnfit, match="save"),
    ):
        checks.require_fit_store(limit_s=0)


def test_store_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with override_settings(STORE_URL=state_dir.store_url(tmp_path)):
        (message,) = checks.check_store(None)

    assert "does not answer" in message.msg


def test_store_that_comes_a_little_later_is_waited_for(tmp_path: Path) -> None:
    found: list[list[str]] = []

    def wait() -> None:
        checks.require_fit_store(limit_s=20)
        found.append(checks.store_faults())

    with override_settings(STORE_URL=state_dir.store_url(tmp_path)):
        waiting = threading.Thread(target=wait)
        waiting.start()
        with running_store(tmp_path):
            waiting.join(20)

    assert found == [[]]


@pytest.mark.parametrize("command", [WEB, WORKER], ids=["web", "worker"])
def test_process_refuses_an_unfit_store_in_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    with running_store(tmp_path, *SNAPSHOT) as url:
        ended = run(command, tmp_path, url)

    assert ended.returncode == 2
    assert "not started: the store must run with save ''" in ended.stderr
    assert len((ended.stdout + ended.stderr).strip().splitlines()) == 1


@pytest.mark.parametrize("command", [WEB, WORKER], ids=["web", "worker"])
def test_process_says_what_to_do_when_the_store_does_not_tell(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with running_store(tmp_path, *SILENT[0]) as url:
        ended = run(command, tmp_path, url)

    assert ended.returncode == 2
    assert "set MESA_STORE_VOUCHED=yes" in ended.stderr


@pytest.mark.parametrize("more", [SNAPSHOT, SILENT[0]])
def test_tree_refuses_an_unfit_store_before_it_starts_anything(tmp_path: Path, more: tuple[str, ...]) -> None:
    with running_store(tmp_path / "store", *more) as url:
        tree = LiveTree(tmp_path / "state", environment={**SECRET, "MESA_REDIS_URL": url})
        tree.launch()
        code = tree.wait()

    assert code == 2
    assert len(tree.lines) == 1
    assert "the store " in tree.output
    assert {path.name for path in tree.state_dir.iterdir()} == {"lock"}


def test_tree_starts_on_a_fit_store_of_the_operator(tmp_path: Path) -> None:
    with running_store(tmp_path / "store") as url:
        tree = LiveTree(tmp_path / "state", environment={**SECRET, "MESA_REDIS_URL": url})
        tree.start()
        started = set(tree.pids)
        code = tree.stop()

    assert (started, code) == ({"web", "worker"}, 0)


@pytest.mark.parametrize(
    ("servers", "secret", "ids"),
    [
        ([], "", []),
        (["stun:stun.mesa.example"], "", []),
        (["stun:stun.mesa.example", "turn:turn.mesa.example"], "", ["mesa.E003"]),
        (["turns:turn.mesa.example"], "t" * 39, ["mesa.E003"]),
        (["turns:turn.mesa.example"], "t" * 40, []),
    ],
)
def test_turn_server_without_a_good_secret_is_an_error(
    servers: list[str], secret: str, ids: list[str]
) -> None:
    with override_settings(ICE_SERVERS=servers, TURN_SECRET=secret):
        assert [message.id for message in checks.check_turn_secret(None)] == ids


@pytest.mark.parametrize(("key", "ids"), [("x" * 40, []), ("x" * 39, ["mesa.E001"])])
def test_short_secret_key_is_an_error(key: str, ids: list[str]) -> None:
    with override_settings(SECRET_KEY=key):
        assert [message.id for message in checks.check_secret_key(None)] == ids
