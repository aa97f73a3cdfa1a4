"""The one door to the in-memory store.

`client()` is for tasks and views, `async_client()` for socket handlers; both are redis-py with a guard that
refuses a write without a TTL (see `store_guard`). Keys are made by `key()`, scripts by `script()`, and a zset
that is trimmed rather than ended by `trimmed()`. Values are text: bytes go in as base64url.

Good:
    with store.client().pipeline() as batch:
        batch.hset(store.key("tx", tx_id), mapping=fields)
        batch.expire(store.key("tx", tx_id), TX_TTL)
        deadlines.schedule("attempt", tx_id, at, batch=batch)
        batch.execute()
"""

import asyncio
import base64
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
import redis.asyncio.retry
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from mesa import store_guard
from mesa.store_line import Questions

if TYPE_CHECKING:
    from redis.asyncio.client import Pipeline as AsyncPipelineBase
    from redis.client import Pipeline as PipelineBase

    _Client = redis.Redis[str]
    _Pipeline = PipelineBase[str]
    _AsyncClient = redis.asyncio.Redis[str]
    _AsyncPipeline = AsyncPipelineBase[str]
else:
    from redis.asyncio.client import Pipeline as _AsyncPipeline
    from redis.client import Pipeline as _Pipeline

    _Client = redis.Redis
    _AsyncClient = redis.asyncio.Redis

EPOCH_TTL = timedelta(days=1)
EPOCH_BYTES = 16
POOL_CONNECTIONS = 64
POOL_WAIT_S = 5.0
CONNECT_DEADLINE_S = 2.0
ANSWER_DEADLINE_S = 5.0
# One quick second try, for a connection that the store closed: the default lets a user wait for seconds. None
# for a store that is silent: it may do later what it was asked, and once more is twice.
BACKOFF = ConstantBackoff(0.05)  # type: ignore[arg-type]  # seconds; the stubs want whole ones
TRIED_AGAIN = (redis.ConnectionError,)
# The broker keeps its queues in the same server by default; they are Celery's, and have no TTL.
FOREIGN_PREFIXES = ("broker:",)

_trimmed: set[str] = set()
_scripts: dict[str, "Script"] = {}


def key(*parts: object) -> str:
    """Name a key: `key("tx", tx_id)` is `mesa:tx:<id>`."""
    return store_guard.PREFIX + ":".join(str(part) for part in parts)


def trimmed(*parts: object) -> str:
    """Name a zset without a TTL; its writer promises to trim it."""
    name = key(*parts)
    _trimmed.add(name)
    return name


EPOCH: Final = key("epoch")


class Pipeline(_Pipeline):
    """A MULTI whose commands are judged together, before any is sent."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        store_guard.check((command[0] for command in self.command_stack), trimmed=_trimmed)
        return super().execute(raise_on_error)

    def __enter__(self) -> Self:
        return self

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        store_guard.check([args], trimmed=_trimmed)
        return super().immediate_execute_command(*args, **options)


class AsyncPipeline(_AsyncPipeline):
    """The same for socket handlers."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        store_guard.check((command[0] for command in self.command_stack), trimmed=_trimmed)
        replies: list[Any] = await super().execute(raise_on_error)
        return replies

    async def __aenter__(self) -> Self:
        return self

    async def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        store_guard.check([args], trimmed=_trimmed)
        return await super().immediate_execute_command(*args, **options)


class Client(_Client):
    """redis-py's client behind the guard."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        store_guard.check([args], trimmed=_trimmed)
        return super().execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        return Pipeline(self.connection_pool, self.response_callbacks, True, shard_hint)


class AsyncClient(_AsyncClient):
    """The same for socket handlers. They share one connection; a MULTI takes one of its own."""

    def __init__(self, connection_pool: Any) -> None:
        super().__init__(connection_pool=connection_pool, decode_responses=True)
        self._questions = Questions(connection_pool, deadline_s=ANSWER_DEADLINE_S)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        store_guard.check([args], trimmed=_trimmed)
        reply = await self._questions.ask_one(args)
        read = self.response_callbacks.get(args[0])
        options.pop("keys", None)
        return reply if read is None else read(reply, **options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> AsyncPipeline:
        return AsyncPipeline(self.connection_pool, self.response_callbacks, True, shard_hint)


def client() -> Client:
    """Give the client of this process; its pool is shared by all threads."""
    return _client(settings.STORE_URL, os.getpid())


@lru_cache(maxsize=4)
def _client(url: str, _pid: int) -> Client:
    pool = redis.BlockingConnectionPool.from_url(url, **_limits(), retry=Retry(BACKOFF, 1, TRIED_AGAIN))
    return Client(connection_pool=pool)


def _limits() -> dict[str, Any]:
    """What no caller waits longer for: a connection, its opening, an answer."""
    return {
        "max_connections": POOL_CONNECTIONS,
        "timeout": POOL_WAIT_S,
        "socket_connect_timeout": CONNECT_DEADLINE_S,
        "socket_timeout": ANSWER_DEADLINE_S,
        "decode_responses": True,
    }


_per_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[str, AsyncClient]]" = WeakKeyDictionary()


def async_client() -> AsyncClient:
    """Give the client of the running event loop: a connection can not leave the loop it was opened in."""
    loop = asyncio.get_running_loop()
    url, found = _per_loop.get(loop, ("", None))
    if found is None or url != settings.STORE_URL:
        pool: redis.asyncio.BlockingConnectionPool[Any] = redis.asyncio.BlockingConnectionPool.from_url(
            settings.STORE_URL, **_limits(), retry=redis.asyncio.retry.Retry(BACKOFF, 1, TRIED_AGAIN)
        )
        found = AsyncClient(pool)
        _per_loop[loop] = (settings.STORE_URL, found)
    return found


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script that runs as one step in the store. It must end every key that it writes.

    sha: by which the store knows it, hex.
    """

    name: str
    lua: str
    sha: str

    def run(self, keys: Sequence[str], args: Sequence[Any] = ()) -> Any:
        try:
            return client().evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return client().eval(self.lua, len(keys), *keys, *args)

    async def arun(self, keys: Sequence[str], args: Sequence[Any] = ()) -> Any:
        try:
            return await async_client().evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await async_client().eval(self.lua, len(keys), *keys, *args)


def script(name: str, lua: str) -> Script:
    """Register a script under a name that is its alone.

    Raises:
        ValueError: another script has that name.
    """
    # The store's own name for a script, not a safeguard.
    sha = hashlib.sha1(lua.encode(), usedforsecurity=False).hexdigest()
    made = _scripts.setdefault(name, Script(name, lua, sha))
    if made.lua != lua:
        raise ValueError(f"two scripts are named {name}")
    return made


def epoch() -> str:
    """Read the store's epoch (base64url, 16 bytes); a store that was emptied gets a new one."""
    with client().pipeline() as batch:
        _queue_epoch(batch)
        return str(batch.execute()[-1])


async def aepoch() -> str:
    """Read the store's epoch from a socket handler."""
    async with async_client().pipeline() as batch:
        _queue_epoch(batch)
        return str((await batch.execute())[-1])


def _queue_epoch(batch: Pipeline | AsyncPipeline) -> None:
    drawn = base64.urlsafe_b64encode(secrets.token_bytes(EPOCH_BYTES)).decode().rstrip("=")
    batch.set(EPOCH, drawn, nx=True, px=EPOCH_TTL)
    batch.pexpire(EPOCH, EPOCH_TTL)
    batch.get(EPOCH)


def keys_without_ttl() -> Iterator[str]:
    """Walk the whole store for keys that would stay for ever: none but the trimmed zsets may."""
    for name in client().scan_iter(count=1000):
        allowed = name in _trimmed or name.startswith(FOREIGN_PREFIXES)
        if not allowed and client().pttl(name) == -1:
            yield name
