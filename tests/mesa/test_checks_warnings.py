"""What an operator should mend: each warning is there when something is wrong, and gone when it is mended."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Warning
from django.core.management import call_command
from django.test import override_settings

from mesa import checks
from tests.live_tree import LiveTree
from tests.mesa.running_store import running_store

LOCAL = {"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"]}
PUBLIC = {"ALLOWED_HOSTS": ["mesa.example"]}
SECURE = {"HTTPS": True, "ALLOWED_ORIGINS": ["https://mesa.example"]}
PLAIN_ORIGIN = {"ALLOWED_ORIGINS": ["http://mesa.example"]}
TURN = {"ICE_SERVERS": ["stun:turn.mesa.example", "turn:turn.mesa.example"], "TURN_SECRET": "t" * 40}
STUN = {"ICE_SERVERS": ["stun:turn.mesa.example"]}
PROXIES = {"TRUSTED_PROXIES": ["10.0.0.0/8"]}
# What a server without a fault has.
MENDED = {**PUBLIC, **SECURE, **TURN, **PROXIES}


@pytest.mark.parametrize(
    ("check", "given", "ids"),
    [
        (checks.check_turn_servers, PUBLIC, ["mesa.W001"]),
        (checks.check_turn_servers, {**PUBLIC, **STUN}, ["mesa.W001"]),
        (checks.check_turn_servers, {**PUBLIC, **TURN}, []),
        (checks.check_turn_servers, LOCAL, []),
        (checks.check_proxies, SECURE, ["mesa.W002"]),
        (checks.check_proxies, {**SECURE, **PROXIES}, []),
        (checks.check_proxies, {"HTTPS": False}, []),
        (checks.check_proxies, {"TRUSTED_PROXIES": ["0.0.0.0/0"]}, ["mesa.W003"]),
        (checks.check_proxies, {"TRUSTED_PROXIES": ["10.0.0.1", "::/0"]}, ["mesa.W003"]),
        (checks.check_https, PUBLIC, ["mesa.W004"]),
        (checks.check_https, {**PUBLIC, **SECURE}, []),
        (checks.check_https, {**PUBLIC, **SECURE, **PLAIN_ORIGIN}, ["mesa.W004"]),
        (checks.check_https, {"ALLOWED_HOSTS": ["*"]}, ["mesa.W004"]),
        (checks.check_https, LOCAL, []),
        (checks.check_debug, {"DEBUG": True}, ["mesa.W005"]),
        (checks.check_debug, {"DEBUG": False}, []),
    ],
)
def test_setting_is_warned_of(
    check: Callable[[None], list[Any]], given: dict[str, Any], ids: list[str]
) -> None:
    with override_settings(**given):
        found = check(None)

    assert [message.id for message in found] == ids
    # What is wrong, and what mends it.
    assert all(isinstance(message, Warning) and message.msg and message.hint for message in found)


@pytest.mark.parametrize(("more", "ids"), [((), ["mesa.W006"]), (("--maxmemory", "64mb"), [])])
def test_store_without_a_memory_limit_is_warned_of(
    tmp_path: Path, more: tuple[str, ...], ids: list[str]
) -> None:
    with running_store(tmp_path, *more), override_settings(EMBEDDED_STORE=False):
        assert [message.id for message in checks.check_memory(None)] == ids


def test_memory_of_the_embedded_store_is_the_machines(tmp_path: Path) -> None:
    with running_store(tmp_path), override_settings(EMBEDDED_STORE=True):
        assert checks.check_memory(None) == []


def test_store_that_does_not_tell_its_limit_is_not_warned_of(tmp_path: Path) -> None:
    with running_store(tmp_path, "--rename-command", "CONFIG", ""), override_settings(EMBEDDED_STORE=False):
        assert checks.check_memory(None) == []


@pytest.mark.parametrize(("ahead_s", "ids"), [(0, []), (1, []), (30, ["mesa.W007"]), (-30, ["mesa.W007"])])
def test_clock_that_is_not_the_stores_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead_s: float, ids: list[str]
) -> None:
    now = time.time
    monkeypatch.setattr("mesa.checks.time.time", lambda: now() + ahead_s)

    with running_store(tmp_path):
        assert [message.id for message in checks.check_clock(None)] == ids


def test_nothing_is_to_be_mended_on_the_embedded_default(tmp_path: Path) -> None:
    with running_store(tmp_path), override_settings(EMBEDDED_STORE=True, **LOCAL):
        assert checks.find_warnings() == []


def test_nothing_is_to_be_mended_where_all_is_done(tmp_path: Path) -> None:
    with (
        running_store(tmp_path, "--maxmemory", "64mb"),
        override_settings(EMBEDDED_STORE=False, **MENDED),
    ):
        assert checks.find_warnings() == []
        call_command("check", "--deploy", "--fail-level", "WARNING")


def test_command_shows_the_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_store(tmp_path), override_settings(**PUBLIC):
        call_command("check", "--deploy")

    said = capsys.readouterr().err
    assert "(mesa.W001) No TURN server is named" in said
    assert "HINT: Run coturn with docker/coturn/turnserver.conf" in said


def test_start_shows_the_warnings(tmp_path: Path) -> None:
    tree = LiveTree(
        tmp_path / "state", environment={"MESA_ALLOWED_HOSTS": "localhost 127.0.0.1 mesa.example"}
    )
    tree.start()
    code = tree.stop()

    assert code == 0
    assert "warning" in tree.output
    assert "No TURN server is named" in tree.output
    assert "set MESA_HTTPS=yes" in tree.output
