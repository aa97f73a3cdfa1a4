"""Keep a path beyond its age, while its sender asks for it and its recipient has not taken the token back."""

import random
from datetime import datetime

from mesa import store
from p2p import path_store, roster, store_keys
from p2p.attempts import withdraw
from p2p.finding import living_recipient
from p2p.orders import write_orders
from p2p.pushing import push_frames
from p2p.records import TxKey, TxState


def repeat_orders(*, tx_key: TxKey, now: datetime, rng: random.Random) -> None:
    """Order the hops of an open path again: that prolongs them at its peers. Its links are open by now."""
    tx = path_store.read(tx_key)
    path = path_store.read_path(tx_key, tx.attempt) if tx is not None and tx.state is TxState.OPEN else None
    if tx is None or path is None:
        return
    if living_recipient(tx) is None:
        withdraw(tx_key=tx_key, now=now)
        return
    ends_at = (now + store_keys.PATH_TTL).timestamp()
    with store.client().pipeline() as batch:
        for before, hop, after in zip(path.peers, path.hops, path.peers[1:], strict=False):
            for peer_id in (before, after):
                batch.zadd(store_keys.hops(peer_id), {hop: ends_at}, xx=True)
                batch.expire(store_keys.hops(peer_id), store_keys.PEER_TTL)
        batch.execute()
    if path.is_direct:
        # Its ends keep it by what crosses it.
        return
    peers = roster.find_peers(path.peers)
    orders = list(zip(path.peers, write_orders(path, {}, rng), strict=True))
    rng.shuffle(orders)
    push_frames([(peers[peer_id].device, order) for peer_id, order in orders if peer_id in peers])
