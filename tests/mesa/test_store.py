from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesa import store
from mesa.store_guard import UnboundedKey

TTL = timedelta(seconds=30)
TRIMMED = store.trimmed("test", "trimmed")

UNBOUNDED: list[Callable[[Any], Any]] = [
    lambda client: client.set(store.key("a"), "1"),
    lambda client: client.set(store.key("a"), "1", keepttl=True),
    lambda client: client.hset(store.key("a"), "field", "1"),
    lambda client: client.sadd(store.key("a"), "1"),
    lambda client: client.rpush(store.key("a"), "1"),
    lambda client: client.zadd(store.key("a"), {"1": 1}),
    lambda client: client.incr(store.key("a")),
    lambda client: client.set("elsewhere", "1", ex=TTL),
    lambda client: client.persist(store.key("a")),
    lambda client: client.rename(store.key("a"), store.key("b")),
    lambda client: client.execute_command("SET", store.key("a"), "EX"),
]


@pytest.mark.parametrize("write", UNBOUNDED)
def test_write_without_an_end_is_refused(empty_store: store.Client, write: Callable[[Any], Any]) -> None:
    with pytest.raises(UnboundedKey):
        write(empty_store)

    assert empty_store.dbsize() == 0


@pytest.mark.parametrize("write", UNBOUNDED)
def test_write_without_an_end_is_refused_in_a_batch(
    empty_store: store.Client, write: Callable[[Any], Any]
) -> None:
    with empty_store.pipeline() as batch:
        batch.set(store.key("other"), "1", ex=TTL)
        write(batch)
        with pytest.raises(UnboundedKey):
            batch.execute()

    assert empty_store.dbsize() == 0


async def test_write_without_an_end_is_refused_in_a_socket_handler(async_store: store.AsyncClient) -> None:
    with pytest.raises(UnboundedKey):
        await async_store.set(store.key("a"), "1")
    async with async_store.pipeline() as batch:
        batch.hset(store.key("a"), "field", "1")
        with pytest.raises(UnboundedKey):
            await batch.execute()

    assert await async_store.dbsize() == 0


def test_batch_that_ends_its_keys_is_written(empty_store: store.Client) -> None:
    with empty_store.pipeline() as batch:
        batch.hset(store.key("tx"), mapping={"state": "open"})
        batch.expire(store.key("tx"), TTL)
        batch.zadd(TRIMMED, {"1": 1})
        batch.execute()

    assert empty_store.hgetall(store.key("tx")) == {"state": "open"}
    assert list(store.keys_without_ttl()) == []


def test_end_of_one_key_does_not_end_another(empty_store: store.Client) -> None:
    with empty_store.pipeline() as batch:
        batch.sadd(store.key("a"), "1")
        batch.expire(store.key("b"), TTL)
        with pytest.raises(UnboundedKey):
            batch.execute()


def test_watched_batch_is_judged_too(empty_store: store.Client) -> None:
    with empty_store.pipeline() as batch:
        batch.watch(store.key("a"))
        with pytest.raises(UnboundedKey):
            batch.set(store.key("a"), "1")


def test_key_left_by_a_script_is_found(empty_store: store.Client) -> None:
    store.script("test_forgets", "redis.call('SET', KEYS[1], '1')").run([store.key("forgotten")])

    assert list(store.keys_without_ttl()) == [store.key("forgotten")]


def test_script_runs_before_and_after_the_store_forgot_it(empty_store: store.Client) -> None:
    double = store.script("test_double", "return ARGV[1] * 2")

    first = double.run([], [2])
    empty_store.execute_command("SCRIPT FLUSH")
    second = double.run([], [3])

    assert (first, second) == (4, 6)


async def test_script_runs_in_a_socket_handler(async_store: store.AsyncClient) -> None:
    assert await store.script("test_double", "return ARGV[1] * 2").arun([], [4]) == 8


def test_two_scripts_can_not_share_a_name() -> None:
    store.script("test_unique", "return 1")

    with pytest.raises(ValueError, match="test_unique"):
        store.script("test_unique", "return 2")


def test_epoch_stays_until_the_store_is_emptied(empty_store: store.Client) -> None:
    first, again = store.epoch(), store.epoch()
    empty_store.flushall()
    after = store.epoch()

    assert first == again != after
    assert len(first) == 22
    assert list(store.keys_without_ttl()) == []


async def test_epoch_is_the_same_for_tasks_and_sockets(async_store: store.AsyncClient) -> None:
    assert await store.aepoch() == store.epoch()


def test_epoch_is_refreshed_by_each_reader(empty_store: store.Client) -> None:
    store.epoch()
    empty_store.pexpire(store.EPOCH, 1000)

    store.epoch()

    assert empty_store.pttl(store.EPOCH) > 1000
