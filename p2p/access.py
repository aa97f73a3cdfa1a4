"""The doors of p2p: what a socket may name, fetched on its behalf. Unknown and forbidden are one answer.

For socket handlers, so they ask the store only; but for the door of the REST route to direct links.
"""

from accounts.delivery import digest_of, recipient_of
from accounts.logins import Login
from mesa import store
from p2p import path_store, store_keys
from p2p.errors import HopNotFound, TokenNotFound, TransactionNotFound
from p2p.presence import PeerSession
from p2p.protocol.fields import b64_text
from p2p.protocol.ids import HopId, TransactionId
from p2p.protocol.limits import HOPS
from p2p.records import Hop, HopKey, TxKey


def require_own_token(login: Login, token: bytes) -> None:
    """Insist that a delivery token is live and the caller's own.

    Raises:
        TokenNotFound: unknown, deleted, or another user's.
    """
    if recipient_of(digest_of(token)) != login.user_id:
        raise TokenNotFound


async def access_direct_transaction(session: PeerSession, tx_id: TransactionId) -> TxKey:
    """Fetch a direct transaction on behalf of the device that started it.

    Raises:
        TransactionNotFound: no such transaction, another device's, or a routed one.
    """
    tx_key = await access_transaction(session, tx_id)
    if not await store.async_client().hget(store_keys.tx(tx_key), "own"):
        raise TransactionNotFound
    return tx_key


async def access_transaction(session: PeerSession, tx_id: TransactionId) -> TxKey:
    """Fetch a transaction on behalf of the device that started it.

    Raises:
        TransactionNotFound: no such transaction, or another device's.
    """
    tx_key = TxKey(str(tx_id))
    owner = await store.async_client().hget(store_keys.tx(tx_key), "owner")
    if owner != str(session.login.device_id):
        raise TransactionNotFound
    return tx_key


async def access_outgoing_hop(session: PeerSession, hop_id: HopId) -> Hop:
    """Fetch the hop by which a peer sends on.

    Raises:
        HopNotFound: no such hop, or not this peer's outgoing one.
    """
    hop = await _find_hop(hop_id)
    if hop.from_peer != session.peer:
        raise HopNotFound
    return hop


async def access_last_hop(session: PeerSession, hop_id: HopId) -> Hop:
    """Fetch the hop by which a receiver got cells. It stays the device's until the transaction ends.

    Raises:
        HopNotFound: no such hop, not a last one, or not to this device.
    """
    hop = await _find_hop(hop_id)
    if hop.position != HOPS - 1 or hop.to_device != str(session.login.device_id):
        raise HopNotFound
    return hop


async def _find_hop(hop_id: HopId) -> Hop:
    fields = await store.async_client().hgetall(store_keys.hop(HopKey(b64_text(hop_id))))
    hop = path_store.to_hop(fields)
    if hop is None:
        raise HopNotFound
    return hop
