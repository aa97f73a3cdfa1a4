"""A start that can not be is one line that says why and what to do, never a traceback."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live_tree import ROOT, LiveTree
from tests.terminal import Terminal
from tests.waiting import is_running

LIMIT_S = 60


def start(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
    return subprocess.run(
        [sys.executable, "manage.py", "mesa_up", *options],
        cwd=ROOT,
        env=kept | {"DJANGO_SETTINGS_MODULE": "mesa.settings"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "environment", "code", "said"),
    [
        (["--state-dir", "/proc/x"], {}, 2, "can not use the directory /proc/x: "),
        ([], {"MESA_STATE_DIR": "/proc/x"}, 2, "can not use the directory /proc/x: "),
        ([], {"MESA_HTTPS": "perhaps"}, 2, "MESA_HTTPS must be yes or no"),
        (["--host", "nosuch.invalid"], {}, 4, "can not listen on nosuch.invalid port 8000: no such host"),
    ],
)
def test_wrong_setup_is_one_line(
    tmp_path: Path, options: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    done = start(*options, **{"MESA_STATE_DIR": str(tmp_path / "state")} | environment)

    assert done.returncode == code
    assert said in done.stdout
    assert done.stdout.startswith("failed ")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("port", ["80808", "-1", "http", "8e3", "٨٠"])
def test_port_that_is_none_is_said(tmp_path: Path, port: str) -> None:
    done = start(f"--port={port}", MESA_STATE_DIR=str(tmp_path / "state"))

    assert done.returncode == 2
    assert done.stdout.splitlines()[-1].endswith("argument --port: a port is 0 to 65535")
    assert "Traceback" not in done.stdout


def test_port_in_use_names_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start("--port", str(port), MESA_STATE_DIR=str(tmp_path / "state"))

    assert f'port {port}: Address already in use; another port: ARGS="--port 8001"' in done.stdout


def test_directory_in_use_names_the_way_out(tmp_path: Path) -> None:
    tree = LiveTree(tmp_path / "state")
    tree.start()
    try:
        done = start("--port", "0", MESA_STATE_DIR=str(tree.state_dir))
    finally:
        tree.stop()

    assert done.returncode == 3
    assert 'for another server: ARGS="--state-dir DIR --port 8001"' in done.stdout


def test_key_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    state = tmp_path / "state"
    # What stands in the place of the draft, for whoever may write everywhere.
    (state / "secret-key").mkdir(parents=True)

    done = start(MESA_STATE_DIR=str(state))

    assert (done.returncode, done.stdout.count("\n")) == (2, 1)
    assert f"can not use the directory {state}: " in done.stdout


def test_ctrl_c_during_the_imports_is_one_word(tmp_path: Path) -> None:
    slow = tmp_path / "django"
    slow.mkdir()
    (slow / "__init__.py").write_text("import signal\nprint('importing', flush=True)\nsignal.pause()\n")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "mesa_up"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"

    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=LIMIT_S)

    assert (process.returncode, said) == (130, "stopped\n")


def test_closed_terminal_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    tree = LiveTree(tmp_path / "state")
    command = [sys.executable, "manage.py", "mesa_up", "--port", "0"]
    with Terminal(command, directory=ROOT, environment=tree.environment) as terminal:
        terminal.wait_for("Next: mesa-peer --server http://127.0.0.1:")
        tree.lines.append(terminal.text)
        assert (tree.state_dir / "store.sock").exists()

        terminal.close()
        terminal.process.wait(LIMIT_S)

    assert len(tree.pids) == 3
    assert not any(is_running(pid) for pid in tree.pids.values())
    assert not (tree.state_dir / "store.sock").exists()
