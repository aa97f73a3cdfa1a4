"""Keys without a TTL are trimmed by whoever writes them: what is out of date goes with the next write."""

import re
import uuid
from collections.abc import Awaitable, Callable

import pytest
from django.utils import timezone

from mesa import store
from p2p import store_keys, turns, web_processes
from p2p.records import UserKey
from tests.conventions.sources import SERVER, find_files
from tests.p2p.peers import Network
from tests.p2p.scenes import send_to

OLD = "a-member-of-long-ago"
AGES_S = {
    "forwarders": store_keys.FORWARDER_AGE.total_seconds(),
    "networks": store_keys.FORWARDER_AGE.total_seconds(),
    "waiting_forwarders": store_keys.WAIT_TTL.total_seconds(),
    "webs": store_keys.PEER_TTL.total_seconds(),
}


async def forward(network: Network) -> None:
    await network.online("late", forward=True)


async def wait_for_forwarders(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(2)
    await send_to(ada, bo.login)


async def give_a_sign(network: Network) -> None:
    await web_processes.give_sign("a web process", now=timezone.now())


WRITERS: dict[str, Callable[[Network], Awaitable[None]]] = {
    "forwarders": forward,
    "networks": forward,
    "waiting_forwarders": wait_for_forwarders,
    "webs": give_a_sign,
}


@pytest.mark.parametrize("word", WRITERS)
async def test_next_write_takes_away_what_is_out_of_date(network: Network, word: str) -> None:
    now, fresh = timezone.now().timestamp(), str(uuid.uuid4())
    members = {OLD: now - AGES_S[word] - 1, fresh: now + 60}
    await store.async_client().zadd(store.key(word), members)  # type: ignore[arg-type]  # keys may be text

    await WRITERS[word](network)

    left = await store.async_client().zrange(store.key(word), 0, -1)
    assert OLD not in left
    assert fresh in left


def test_turn_that_nobody_took_is_taken_away(empty_store: store.Client) -> None:
    """Workers take turns, too; but there may be none."""
    now = timezone.now()
    empty_store.zadd(store_keys.TURNS, {OLD: (now - store_keys.JOBS_TTL).timestamp() - 1})

    turns.ask(UserKey("ada"), "attempt:x", now=now)

    assert empty_store.zrange(store_keys.TURNS, 0, -1) == ["ada"]


def test_every_key_without_a_ttl_is_looked_at() -> None:
    """Deadlines are cleared one by one: see test_end_of_transaction and tests/mesa/test_deadlines."""
    named = re.compile(r"store\.trimmed\((.*)\)")

    words = [word for path in find_files("*.py", SERVER) for word in named.findall(path.read_text())]

    assert {word.strip('"') for word in words} == {*WRITERS, "turns", "deadlines"}
