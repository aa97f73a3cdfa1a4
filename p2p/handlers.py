"""What each frame from a peer does: one short handler per frame, touching the store or sending a task.

A handler answers with frames for the peer itself. It never asks SQL; what needs SQL is a task.
Spec: docs/spec/signaling.md, section "Frames to the server"
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final
from uuid import UUID

from accounts.delivery import digest_of
from mesa import deadlines
from p2p import access, direct_calls, limits, links, presence, scripts, store_keys, turns
from p2p.greeting import announce
from p2p.presence import PeerSession
from p2p.protocol import to_peer, to_server
from p2p.protocol.fields import b64_text, record_json
from p2p.protocol.frames import FrameToPeer, FrameToServer
from p2p.protocol.ids import TransactionId
from p2p.protocol.limits import MAX_HELD_RECEIPTS, MAX_WATCH
from p2p.protocol.parts import HeldReceipt, StockOffer
from p2p.pushing import apush_frame
from p2p.records import DeviceKey, TxKey, UserKey
from p2p.snapshots import take_snapshot
from p2p.store_keys import milliseconds

Replies = Sequence[FrameToPeer]
NO_REPLY: Final[Replies] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """Who sent the frame and when; `rng` draws delays."""

    session: PeerSession
    now: datetime
    rng: Random

    async def ask(self, job: str) -> None:
        """Have a job done in the turn of the account that sent the frame."""
        await turns.aask(UserKey(str(self.session.login.user_id)), job, now=self.now)


async def refresh_presence(context: Context, frame: to_server.IceClient) -> Replies:
    refreshed = await presence.refresh(context.session, frame, now=context.now)
    if refreshed.came_online:
        await announce(context.session, now=context.now, rng=context.rng)
    await turns.awake(refreshed.woken, now=context.now)
    if refreshed.needs_guards:
        await context.ask(f"guards:{context.session.peer}")
    return [await take_snapshot(context.session, now=context.now)]


async def add_offer(context: Context, frame: to_server.Offer) -> Replies:
    woken = await presence.add_offer(context.session, StockOffer(frame.id, frame.sdp))
    await turns.awake(woken, now=context.now)
    return NO_REPLY


async def pass_answer(context: Context, frame: to_server.Answer) -> Replies:
    device = await links.aanswer(context.session.peer, frame.link)
    if device is not None:
        await apush_frame(device, frame)
    return NO_REPLY


async def note_link_up(context: Context, frame: to_server.LinkUp) -> Replies:
    await links.areport_up(context.session.peer, frame.link, now=context.now)
    return NO_REPLY


async def note_link_down(context: Context, frame: to_server.LinkDown) -> Replies:
    device = await links.aremove(context.session.peer, frame.link, now=context.now)
    if device is not None:
        await apush_frame(device, to_peer.LinkDrop(frame.link))
    return NO_REPLY


async def fail_hop(context: Context, frame: to_server.HopFailed) -> Replies:
    hop = await access.access_outgoing_hop(context.session, frame.hop)
    await context.ask(f"fail_hop:{hop.tx}:{hop.attempt}:{hop.position}")
    return NO_REPLY


async def pass_receipt(context: Context, frame: to_server.Receipt) -> Replies:
    hop = await access.access_last_hop(context.session, frame.hop)
    tx_id = TransactionId(UUID(hop.tx))
    receipt = HeldReceipt(tx_id, frame.entries, frame.credit)
    owner = await credit(hop.tx, receipt, now=context.now)
    if owner is not None:
        await apush_frame(owner, to_peer.TransactionReceipt(tx_id, frame.entries, frame.credit))
    return NO_REPLY


async def complete(context: Context, frame: to_server.Complete) -> Replies:
    await context.ask(f"complete:{await access.access_transaction(context.session, frame.tx)}")
    return NO_REPLY


async def repath(context: Context, frame: to_server.Repath) -> Replies:
    tx_key = await access.access_transaction(context.session, frame.tx)
    await context.ask(f"repath:{tx_key}:{frame.attempt}")
    return NO_REPLY


async def keep_path(context: Context, frame: to_server.PathKeepalive) -> Replies:
    tx_key = await access.access_transaction(context.session, frame.tx)
    # Orders to five peers follow a frame of a few bytes, so most of these have no effect.
    if await credit(tx_key, None, now=context.now) is not None:
        await context.ask(f"keep:{tx_key}")
    return NO_REPLY


async def watch(context: Context, frame: to_server.Watch) -> Replies:
    session = context.session
    digests = [b64_text(digest_of(token)) for token in frame.tokens]
    args = [session.peer, session.socket, scripts.PREFIX, milliseconds(store_keys.PEER_TTL), MAX_WATCH]
    keys = [store_keys.watched(session.peer), store_keys.unanswered(session.peer)]
    if digests and await scripts.WATCH_ADD.arun(keys, [*args, *digests]):
        # The job sets it to a random time; this one stands if a worker dies with the job.
        await deadlines.aschedule("watch", session.peer, context.now + limits.LATEST_ONLINE_DELAY)
        await context.ask(f"resolve:{session.peer}")
    return NO_REPLY


async def offer_direct(context: Context, frame: to_server.DirectOffer) -> Replies:
    tx_key = await access.access_direct_transaction(context.session, frame.tx)
    await direct_calls.akeep_offer(tx_key, context.session.peer, frame)
    await turns.awake([tx_key], now=context.now)
    return NO_REPLY


async def answer_direct(context: Context, frame: to_server.DirectAnswer) -> Replies:
    hop = await access.access_last_hop(context.session, frame.hop)
    if await direct_calls.akeep_answer(hop.tx, frame):
        await turns.awake([hop.tx], now=context.now)
    return NO_REPLY


async def credit(tx_key: TxKey, receipt: HeldReceipt | None, *, now: datetime) -> DeviceKey | None:
    """Prolong a transaction by a receipt, which is held for its sender, or a keepalive; returns the owner.

    None: it has ended, its sender has no peer, its recipient has taken the token back, or it was kept less
    than KEEP_EVERY ago.
    """
    text = json.dumps(record_json(receipt), separators=(",", ":")) if receipt else ""
    lives = [milliseconds(store_keys.TX_TTL), milliseconds(store_keys.PATH_TTL)]
    keys = [store_keys.tx(tx_key), store_keys.tx_hops(tx_key), store_keys.held(tx_key)]
    args = [scripts.PREFIX, tx_key, now.timestamp(), *lives, text, MAX_HELD_RECEIPTS]
    rest = [limits.HELD_BYTES, milliseconds(store_keys.HELD_TTL), limits.KEEP_EVERY.total_seconds()]
    owner = await scripts.TX_CREDIT.arun(keys, [*args, *rest])
    return DeviceKey(owner) if owner else None


Handler = Callable[[Context, Any], Awaitable[Replies]]

HANDLERS: Final[dict[type[FrameToServer], Handler]] = {
    to_server.IceClient: refresh_presence,
    to_server.Offer: add_offer,
    to_server.Answer: pass_answer,
    to_server.LinkUp: note_link_up,
    to_server.LinkDown: note_link_down,
    to_server.HopFailed: fail_hop,
    to_server.Receipt: pass_receipt,
    to_server.Complete: complete,
    to_server.Repath: repath,
    to_server.PathKeepalive: keep_path,
    to_server.Watch: watch,
    to_server.DirectOffer: offer_direct,
    to_server.DirectAnswer: answer_direct,
}
