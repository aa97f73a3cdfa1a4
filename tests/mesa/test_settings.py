import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from p2p.protocol.frames import parse_to_peer, to_text
from p2p.protocol.parts import LIMITS
from p2p.protocol.to_peer import Welcome
from p2p.turn import ice_servers
from tests.live_tree import ROOT

POSTGRESQL = {"MESA_DATABASE_URL": "postgresql://mesa@db/mesa"}
REDIS = {"MESA_REDIS_URL": "redis://store/0"}
SECRET = {"MESA_SECRET_KEY": "x" * 40}
TURN_SECRET = "t" * 40


def load(state: Path, environment: dict[str, str], show: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MESA_", "DJANGO_"))}
    code = f"import sys; from mesa import settings; sys.stdout.write(str({show}))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean | {"MESA_STATE_DIR": str(state)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_set_is_the_embedded_default(tmp_path: Path) -> None:
    shown = load(
        tmp_path, {}, "[settings.EMBEDDED, settings.STORE_URL, settings.DATABASES['default']['ENGINE']]"
    )

    assert shown.stdout == str([True, f"unix://{tmp_path}/store.sock", "django.db.backends.sqlite3"])


@pytest.mark.parametrize("environment", [POSTGRESQL, REDIS, POSTGRESQL | REDIS])
def test_production_needs_a_secret_key(tmp_path: Path, environment: dict[str, str]) -> None:
    without = load(tmp_path, environment, "settings.EMBEDDED")
    given = load(tmp_path, environment | SECRET, "settings.EMBEDDED")

    assert "MESA_SECRET_KEY must be set" in without.stderr
    assert given.stdout == "False"
    assert list(tmp_path.iterdir()) == []


def test_channel_layer_and_broker_follow_the_store_unless_they_are_named(tmp_path: Path) -> None:
    own = {"MESA_CHANNEL_URL": "redis://channels/1", "MESA_BROKER_URL": "unix:///broker.sock"}
    show = "[settings.CHANNEL_URL, settings.CELERY_BROKER_URL]"

    following = load(tmp_path, REDIS | SECRET, show)
    named = load(tmp_path, REDIS | SECRET | own, show)

    assert following.stdout == str(["redis://store/0", "redis://store/0"])
    assert named.stdout == str(["redis://channels/1", "redis+socket:///broker.sock"])


def test_no_foreign_server_is_asked_by_default(tmp_path: Path) -> None:
    assert load(tmp_path, {}, "settings.ICE_SERVERS").stdout == "[]"


def test_ice_servers_that_are_named_all_reach_the_peers(tmp_path: Path) -> None:
    urls = [
        "stun:stun.mesa.example",
        "turn:[2001:db8::1]:3478",
        "turn:turn.mesa.example:3478?transport=tcp",
        "turns:turn.mesa.example:5349",
    ]
    given = {"MESA_ICE_SERVERS": " ".join(urls), "MESA_TURN_SECRET": TURN_SECRET}

    named = load(tmp_path, given, "[settings.ICE_SERVERS, settings.TURN_SECRET]")
    servers = ice_servers(urls, TURN_SECRET, now=datetime(2026, 11, 1, tzinfo=UTC))
    welcome = Welcome(("mesa.1",), servers, LIMITS, bytes(16), bytes(32), resumed=False)

    assert named.stdout == str([urls, TURN_SECRET])
    assert [each.urls for each in servers] == [(url,) for url in urls]
    assert parse_to_peer(to_text(welcome)) == welcome


@pytest.mark.parametrize(
    ("servers", "why"),
    [
        ("turn:turn.mesa.example", "MESA_TURN_SECRET must be set"),
        ("stun:stun.mesa.example turns:turn.mesa.example", "MESA_TURN_SECRET must be set"),
        ("stun.mesa.example", "MESA_ICE_SERVERS must start with one of: stun, turn, turns"),
        ("stuns:stun.mesa.example", "MESA_ICE_SERVERS must start with one of: stun, turn, turns"),
        ("stun:", "MESA_ICE_SERVERS must have the form"),
        ("stun://stun.mesa.example", "MESA_ICE_SERVERS must have the form"),
        ("stun:stun.mesa.example?transport=udp", "MESA_ICE_SERVERS must have the form"),
        ("turn:ada@turn.mesa.example", "MESA_ICE_SERVERS must have the form"),
        ("turns:turn.mesa.example?transport=udp", "MESA_ICE_SERVERS must have the form"),
        ("stun:a stun:b stun:c stun:d stun:e", "MESA_ICE_SERVERS must name at most 4"),
    ],
)
def test_ice_servers_that_could_not_be_used_stop_the_start(tmp_path: Path, servers: str, why: str) -> None:
    loaded = load(tmp_path, {"MESA_ICE_SERVERS": servers}, "settings.ICE_SERVERS")

    assert loaded.returncode != 0
    assert why in loaded.stderr.splitlines()[-1]


def test_each_queue_gets_its_own_tasks_only() -> None:
    routes = {(queue.name, queue.exchange.name, queue.routing_key) for queue in settings.CELERY_TASK_QUEUES}

    assert routes == {("path", "path", "path"), ("maintenance", "maintenance", "maintenance")}


@pytest.mark.django_db
def test_deleted_rows_do_not_stay_readable_in_the_file() -> None:
    if connection.vendor != "sqlite":
        # PostgreSQL overwrites by VACUUM, which is the operator's.
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        secure = cursor.fetchone()
        cursor.execute("PRAGMA journal_mode")
        journal = cursor.fetchone()

    assert (secure, journal) == ((1,), ("wal",))
