import http.client
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesa import embedded_store
from mesa.state_dir import store_socket
from tests.live_tree import LiveTree
from tests.waiting import is_running, wait_for, wait_for_end

CHILDREN = ["store", "web", "worker"]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[LiveTree]:
    tree = LiveTree(tmp_path / "state")
    yield tree
    if hasattr(tree, "process") and tree.process.poll() is None:
        tree.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTree]:
    """A tree that goes on: a start of one takes seconds."""
    tree = LiveTree(tmp_path_factory.mktemp("running") / "state")
    tree.start()
    yield tree
    tree.stop()


def ask(tree: LiveTree, path: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", tree.port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    with response:
        return response.status, json.loads(response.read())


def test_tree_starts_answers_and_stops_in_order(tree: LiveTree) -> None:
    tree.start()
    ready = ask(tree, "/readyz")
    next_step = tree.wait_for_line("mesa-peer --server")
    code = tree.stop(signal.SIGINT)

    assert ready == (200, {})
    assert next_step.startswith(f"Next: mesa-peer --server {tree.url} register USER")
    assert code == 0
    assert re.findall(r"(\w+) stopped", tree.output) == ["worker", "web", "store"]
    assert "shutdown" not in tree.output
    assert not any(is_running(pid) for pid in tree.pids.values())


def test_web_processes_share_one_port(tree: LiveTree) -> None:
    tree.options = ("--web", "2")
    tree.start()
    held = []

    for name in ("web", "web 2"):
        os.kill(tree.pids[name], signal.SIGSTOP)
        held.append(ask(tree, "/healthz"))
        os.kill(tree.pids[name], signal.SIGCONT)

    assert held == [(200, {}), (200, {})]
    tree.stop()
    assert not any(is_running(pid) for pid in tree.pids.values())


def test_tree_serves_the_same_state_after_a_restart(running: LiveTree) -> None:
    key = (running.state_dir / "secret-key").read_text()
    port = running.port

    running.restart()

    assert ask(running, "/readyz") == (200, {})
    assert running.port == port
    assert (running.state_dir / "secret-key").read_text() == key


def test_state_directory_is_for_its_owner_only(running: LiveTree) -> None:
    assert running.state_dir.stat().st_mode & 0o077 == 0
    assert (running.state_dir / "secret-key").stat().st_mode & 0o077 == 0
    assert (running.state_dir / "store.sock").stat().st_mode & 0o077 == 0


def test_second_tree_on_one_state_directory_names_the_first(running: LiveTree) -> None:
    second = LiveTree(running.state_dir)

    second.launch()
    code = second.wait()

    assert code == 3
    assert f"process {running.process.pid} " in second.output
    assert len(second.lines) == 1
    assert ask(running, "/readyz") == (200, {})


def test_port_in_use_is_one_line_and_nothing_was_started(tree: LiveTree) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        tree.port = taken.getsockname()[1]
        tree.launch()
        code = tree.wait()

    assert code == 4
    assert f"port {tree.port}" in tree.output
    assert len(tree.lines) == 1
    assert {path.name for path in tree.state_dir.iterdir()} == {"lock", "secret-key"}


@pytest.mark.parametrize("name", CHILDREN)
def test_death_of_one_child_ends_all_and_is_named(tree: LiveTree, name: str) -> None:
    tree.start()

    os.kill(tree.pids[name], signal.SIGKILL)
    code = tree.wait()

    assert code == 1
    assert f"{name} was killed by SIGKILL" in tree.lines[-1]
    assert not any(is_running(pid) for pid in tree.pids.values())


def test_killed_supervisor_leaves_no_process_and_the_tree_starts_again(tree: LiveTree) -> None:
    tree.start()

    tree.process.kill()
    tree.wait()

    for pid in tree.pids.values():
        wait_for_end(pid)

    tree.start()

    assert ask(tree, "/readyz") == (200, {})


def test_store_that_was_left_behind_is_stopped(tree: LiveTree) -> None:
    tree.state_dir.mkdir(mode=0o700)
    path = embedded_store.prepare_socket(tree.state_dir)
    with subprocess.Popen(embedded_store.command(embedded_store.find_server(), path)) as orphan:
        wait_for(lambda: embedded_store.answers(path))

        tree.start()

        assert orphan.wait(10) == 0
    assert "left behind" in tree.output
    assert ask(tree, "/readyz") == (200, {})


def test_state_directory_may_have_a_long_name_with_spaces(tmp_path: Path) -> None:
    tree = LiveTree(tmp_path / ("a long name " * 9).strip())

    tree.start()
    ready = ask(tree, "/readyz")
    tree.stop()

    assert ready == (200, {})
    assert not store_socket(tree.state_dir).parent.exists()


def test_stop_during_the_start_leaves_no_process(tree: LiveTree) -> None:
    tree.launch()
    tree.wait_for_line("web started")

    code = tree.stop()

    assert code == 0
    assert not any(is_running(pid) for pid in tree.pids.values())


def test_worker_that_hangs_makes_the_server_unready(running: LiveTree) -> None:
    worker = running.pids["worker"]

    os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: ask(running, "/readyz")[0] == 503)
    status, body = ask(running, "/readyz")
    os.kill(worker, signal.SIGCONT)

    assert status == 503
    assert body["code"] == "unavailable"
    assert body["checks"] == {"database": True, "store": True, "worker": False}
    wait_for(lambda: ask(running, "/readyz")[0] == 200)
