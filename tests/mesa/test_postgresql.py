"""A wait for PostgreSQL ends, whether the server takes long or is frozen."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from mesa.patience import time_left_s, within
from mesa.postgresql import Connection
from tests.servers import DATABASE, PostgreSQL, running

pytestmark = pytest.mark.servers

PATIENCE_S = 0.3
TOO_LONG_S = 3.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with running(PostgreSQL) as made:
        assert isinstance(made, PostgreSQL)
        yield made


@pytest.fixture
def connection(server: PostgreSQL) -> Iterator[psycopg.Connection[object]]:
    with Connection.connect(
        host=str(server.directory), user=DATABASE, dbname=DATABASE, autocommit=True
    ) as made:
        yield made


def test_statement_that_takes_long_is_given_up(connection: psycopg.Connection[object]) -> None:
    began = time.monotonic()

    with within(PATIENCE_S), pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT pg_sleep(60)")

    assert time.monotonic() - began < TOO_LONG_S
    # What it answers late reaches nobody.
    assert connection.closed


def test_statements_share_one_limit(connection: psycopg.Connection[object]) -> None:
    with within(PATIENCE_S):
        connection.execute("SELECT pg_sleep(0.2)")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(0.2)")

    assert connection.closed


def test_frozen_server_is_given_up(server: PostgreSQL, connection: psycopg.Connection[object]) -> None:
    server.pause()
    began = time.monotonic()

    with within(PATIENCE_S), pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")

    assert time.monotonic() - began < TOO_LONG_S
    server.resume()


def test_refused_statement_leaves_the_connection_open(connection: psycopg.Connection[object]) -> None:
    with within(PATIENCE_S), pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SET statement_timeout = '50ms'; SELECT pg_sleep(60)")

    assert not connection.closed


def test_nobody_who_set_no_limit_waits_for_ever() -> None:
    assert time_left_s(22.0) == 22.0
