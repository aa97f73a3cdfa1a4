"""Look for a direct link: ask the recipient's devices with the sender's offer, and open it when one answers.

Before an answer nothing reaches the sender: who does not consent looks like somebody offline.
Spec: docs/spec/direct.md, section "Procedure"
"""

import random
import secrets
from collections.abc import Sequence
from datetime import datetime

from accounts.delivery import recipient_of
from mesa import store
from p2p import limits, path_store, roster, store_keys
from p2p.direct_calls import Call, device_id, queue_asked, read_call
from p2p.finding import living_recipient, may_look, note_attempt
from p2p.opening import put
from p2p.path_store import NewPath
from p2p.protocol import ids
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import DeviceId, HopId
from p2p.protocol.limits import HOPS
from p2p.protocol.to_peer import DirectAsked, DirectReady
from p2p.pushing import push_frame
from p2p.records import DeviceKey, Hop, HopKey, Peer, Tx, UserKey
from p2p.waiting import wait_for_recipient, wait_for_sender


def look_directly(tx: Tx, *, now: datetime, rng: random.Random) -> bool:
    """Open a direct transaction with the answer that came, or ask who may give one, and wait.

    Tells whether it was opened.
    """
    # First of all, and whoever is there: what is counted must not tell who is online.
    if not may_look(tx, now):
        return False
    # A token that its owner took back leads nowhere, in either direction.
    recipient = living_recipient(tx) if _owns(tx.sender, tx.own) else None
    reach = roster.find_ends(tx.owner, recipient)
    call = read_call(tx.tx)
    receivers = [peer for peer in reach.receivers if peer.is_known(now)]
    if reach.sender is None:
        wait_for_sender(tx, now)
    elif call is None or call.peer != reach.sender.peer or not receivers:
        wait_for_recipient(tx, now, roster.known_from(reach.receivers, now))
    elif call.hop is None:
        _ask(tx, call, receivers, now)
    else:
        return _open(tx, call, reach.sender, receivers, now)
    return False


def _owns(user: UserKey, digest: str) -> bool:
    return str(recipient_of(b64_bytes(digest))) == user


def _ask(tx: Tx, call: Call, receivers: Sequence[Peer], now: datetime) -> None:
    """Ask each device that was not asked with this offer, under a hop of its own.

    Each hop stays until the end. Beyond their number nobody is asked, which looks like somebody offline.
    """
    left = max(0, limits.MAX_ATTEMPTS - store.client().scard(store_keys.tx_hops(tx.tx)))
    unasked = [peer.device for peer in receivers if peer.device not in call.asked][:left]
    fresh = {device: HopKey(b64_text(secrets.token_bytes(ids.HOP_ID_BYTES))) for device in unasked}
    if fresh:
        with store.client().pipeline() as batch:
            for device, hop in fresh.items():
                path_store.queue_hop(batch, hop, Hop(tx.tx, tx.attempt + 1, HOPS - 1, call.peer, device))
            batch.sadd(store_keys.tx_hops(tx.tx), *fresh.values())
            batch.expire(store_keys.tx_hops(tx.tx), store_keys.TX_TTL)
            queue_asked(batch, tx.tx, call.offer, {**call.asked, **fresh})
            batch.execute()
    # Waiting begins before anybody can answer, so an answer wakes it.
    wait_for_recipient(tx, now)
    for device, hop in fresh.items():
        asked = DirectAsked(b64_bytes(tx.own), HopId(b64_bytes(hop)), call.sdp, call.proof)
        push_frame(device, asked)


def _open(tx: Tx, call: Call, sender: Peer, receivers: Sequence[Peer], now: datetime) -> bool:
    receiver = next((peer for peer in receivers if peer.device == call.answerer), None)
    if receiver is None or call.hop is None:
        wait_for_recipient(tx, now)
        return False
    opened = put(tx, NewPath((sender, receiver), (call.hop,)), now)
    if opened is None:
        return False
    store.client().delete(store_keys.direct(tx.tx))
    push_frame(tx.owner, _ready(tx, opened.attempt.number, call, receiver.device, call.hop))
    note_attempt(opened.attempt, now)
    return True


def _ready(tx: Tx, attempt: int, call: Call, device: DeviceKey, hop: HopKey) -> DirectReady:
    return DirectReady(
        tx=tx.id,
        attempt=attempt,
        device=DeviceId(device_id(device)),
        hop=HopId(b64_bytes(hop)),
        offer=call.offer,
        sdp=call.answer,
        proof=call.answer_proof,
    )
