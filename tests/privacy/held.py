"""What database and store hold, and by which ids somebody is known there."""

from asgiref.sync import sync_to_async

from mesa import store
from mesa.dumps import Dump, take_dump
from p2p import store_keys
from p2p.protocol.fields import b64_bytes
from tests.p2p.peers import TestPeer

TABLES = ("p2p_p2ptransaction", "p2p_p2ppath")


async def dump() -> Dump:
    return await sync_to_async(take_dump)()


async def handle_of(peer: TestPeer) -> bytes:
    """The random name under which the store knows a peer while it is online."""
    handle = await store.async_client().get(store_keys.device(peer.device_key))
    assert handle is not None
    return b64_bytes(handle)


async def ids_of(peer: TestPeer) -> list[bytes]:
    login = peer.login.login
    return [login.user_id.bytes, login.device_id.bytes, login.sid.bytes, await handle_of(peer)]
