"""Requests are worked on in a few threads, each with one request at a time."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.urls import path

from mesa.http import LANES, LaneHandler
from tests.waiting import wait_for

pytestmark = pytest.mark.urls(__name__)

# asgiref's communicator, which has no types.
Client = Any

LIMIT_S = 10.0
begun: list[int] = []
may_go = threading.Event()


def wait(_request: HttpRequest) -> HttpResponse:
    begun.append(threading.get_ident())
    assert may_go.wait(LIMIT_S)
    return HttpResponse()


urlpatterns = [path("wait/", wait)]


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    begun.clear()
    may_go.clear()
    yield
    may_go.set()


async def ask(handler: LaneHandler) -> Client:
    headers = [(b"host", b"127.0.0.1")]
    asked = {"type": "http", "method": "GET", "path": "/wait/", "query_string": b"", "headers": headers}
    client: Client = ApplicationCommunicator(handler, asked)  # type: ignore[no-untyped-call]  # see Client
    await client.send_input({"type": "http.request"})
    return client


async def status(client: Client) -> int:
    answer = await client.receive_output(LIMIT_S)
    await client.wait(LIMIT_S)
    return int(answer["status"])


async def until_begun(count: int) -> None:
    await asyncio.to_thread(wait_for, lambda: len(begun) >= count, limit_s=LIMIT_S)


async def test_as_many_as_there_are_lanes_are_worked_on_and_the_next_one_in_turn() -> None:
    handler = LaneHandler()
    clients = [await ask(handler) for _ in range(LANES + 1)]

    await until_begun(LANES)
    assert len(set(begun)) == len(begun) == LANES
    may_go.set()

    assert {await status(client) for client in clients} == {200}
    assert len(begun) == LANES + 1
    assert len(set(begun)) == LANES


async def test_one_after_the_other_needs_one_thread() -> None:
    handler = LaneHandler()
    may_go.set()

    for _ in range(5):
        assert await status(await ask(handler)) == 200

    assert len(begun) == 5
    assert len(set(begun)) == 1


async def test_a_thread_that_works_for_nobody_any_more_gets_no_other_request_until_it_is_done() -> None:
    handler = LaneHandler()
    given_up = [await ask(handler) for _ in range(LANES)]
    await until_begun(LANES)
    for client in given_up:
        await client.send_input({"type": "http.disconnect"})

    late = await ask(handler)
    assert await late.receive_nothing(timeout=0.2)
    assert len(begun) == LANES
    may_go.set()

    assert await status(late) == 200
    for client in given_up:
        await client.wait(LIMIT_S)
    clients = [await ask(handler) for _ in range(LANES)]
    assert {await status(client) for client in clients} == {200}


async def test_who_waits_too_long_for_a_thread_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesa.http.LANE_WITHIN_S", 0.1)
    handler = LaneHandler()
    clients = [await ask(handler) for _ in range(LANES)]
    await until_begun(LANES)

    late = await ask(handler)
    refused = await late.receive_output(LIMIT_S)

    assert refused["status"] == 503
    assert dict(refused["headers"])[b"Retry-After"]
    may_go.set()
    assert {await status(client) for client in clients} == {200}
