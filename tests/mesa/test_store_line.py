"""One connection answers everybody, each with what was asked."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from django.conf import settings

from mesa.store_line import KEPT_ALIVE, Questions, connect

MANY = 200
DEADLINE_S = 0.2
LIMIT_S = 5.0

pytestmark = pytest.mark.usefixtures("empty_store")


@pytest.fixture
async def questions() -> AsyncIterator[Questions]:
    made = Questions(redis.asyncio.ConnectionPool.from_url(settings.STORE_URL), deadline_s=LIMIT_S)
    yield made
    made.close()


async def test_all_who_ask_at_once_get_their_own_answers(questions: Questions) -> None:
    texts = [str(number) * (number % 50 + 1) for number in range(MANY)]

    answers = await asyncio.gather(*(questions.ask_one(("ECHO", text)) for text in texts))

    assert answers == texts


async def test_what_is_sent_in_one_go_is_answered_in_order(questions: Questions) -> None:
    assert await questions.ask(("ECHO", "a"), ("PING",), ("ECHO", "b")) == ["a", "PONG", "b"]


async def test_an_error_is_told_to_who_asked_alone(questions: Questions) -> None:
    wrong = asyncio.create_task(questions.ask_one(("NONSENSE",)))
    right = asyncio.create_task(questions.ask_one(("ECHO", "right")))

    with pytest.raises(redis.ResponseError):
        await wrong
    assert await right == "right"


async def test_who_gives_up_leaves_no_answer_to_the_next(questions: Questions) -> None:
    await questions.ask_one(("PING",))
    impatient = asyncio.create_task(questions.ask_one(("ECHO", "late")))
    await asyncio.wait({impatient}, timeout=0)
    impatient.cancel()

    assert await questions.ask_one(("ECHO", "mine")) == "mine"
    assert impatient.cancelled()


async def test_connection_that_the_store_closed_is_opened_again(questions: Questions) -> None:
    mine = await questions.ask_one(("CLIENT", "ID"))
    with redis.Redis.from_url(settings.STORE_URL) as other:
        other.client_kill_filter(_id=str(mine))

    assert await questions.ask_one(("ECHO", "again")) == "again"
    assert await questions.ask_one(("CLIENT", "ID")) != mine


def pool_of(url: str) -> Any:
    """Connections that say nothing when they are opened."""
    pool: Any = redis.asyncio.ConnectionPool.from_url(f"{url}?lib_name=&lib_version=")
    pool.connection_kwargs |= {"driver_info": None}
    return pool


class SilentAtFirst:
    """A store that answers on no connection but the second."""

    def __init__(self) -> None:
        self.opened = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        is_silent = self.opened == 1
        while await reader.read(1024):
            if not is_silent:
                writer.write(b"+OK\r\n")
        writer.close()


async def test_after_a_deadline_the_next_question_takes_another_connection(tmp_path: Path) -> None:
    store = SilentAtFirst()
    path = str(tmp_path / "store")
    questions = Questions(pool_of(f"unix://{path}"), deadline_s=DEADLINE_S)
    async with asyncio.timeout(LIMIT_S), await asyncio.start_unix_server(store.serve, path):
        first = asyncio.create_task(questions.ask_one(("GET", "a")))
        await asyncio.wait({first}, timeout=DEADLINE_S / 2)
        second = asyncio.create_task(questions.ask_one(("GET", "a")))
        with pytest.raises(redis.TimeoutError):
            await first

        assert await questions.ask_one(("GET", "a")) == "OK"
        with pytest.raises(redis.TimeoutError):
            await second
        questions.close()

    assert store.opened == 2


async def test_a_host_that_is_gone_is_missed_though_nobody_asks_it() -> None:
    server = await asyncio.start_server(SilentAtFirst().serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(LIMIT_S), server:
        connection = await connect(pool_of(f"redis://127.0.0.1:{port}"))
        opened = connection._writer.transport.get_extra_info("socket")

        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        set_to = [opened.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name, _ in KEPT_ALIVE]
        assert set_to == [5, 2, 3]
        await connection.disconnect()
