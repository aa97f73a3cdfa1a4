"""Look after the guards of a device that is online: give it tickets, keep links to its guards open.

What is known of them comes from tickets, and stays in the store no longer than the socket: nothing here
writes down who has whom as a guard.
Spec: docs/spec/guards.md, section "Server must"
"""

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mesa import deadlines, store
from p2p import limits, path_store, roster, scripts, store_keys
from p2p.granting import Holdings, grant_in_conflict, renew_holdings
from p2p.guards import PLACES, Standing, in_use
from p2p.held_guards import HeldGuard, peers_of, standing
from p2p.orders import StandingLink, write_standing, write_ticket
from p2p.pathfinding import Candidate
from p2p.protocol import ids
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.to_peer import OfferWanted
from p2p.pushing import push_frame, push_frames
from p2p.records import DeviceKey, LinkKey, Offer, Peer, PeerId
from p2p.roster import NoOffer


@dataclass(slots=True)
class _Round:
    """One look after a peer's guards: what is to be sent, and whether something is missing."""

    peer: Peer
    now: datetime
    rng: random.Random
    frames: list[tuple[DeviceKey, FrameToPeer]] = field(default_factory=list)
    has_ordered: bool = False
    is_whole: bool = True


def look_after_in_turn(*, peer_id: PeerId, now: datetime, rng: random.Random) -> None:
    """Look after a peer's guards, unless its account had that done often in this minute; then with the next.

    Not asked before a path is drawn: that is a look already, and an end must not be without its guards.
    """
    peer = roster.find_peer(peer_id)
    if peer is None or roster.may_look_after_guards(peer.user, roster.minute_of(now)):
        look_after(peer_id=peer_id, now=now, rng=rng)
    else:
        deadlines.schedule("guards", peer_id, roster.end_of_minute(now))


def look_after(*, peer_id: PeerId, now: datetime, rng: random.Random) -> None:
    """Give a peer the guards it has place for, and order links to those in use. May be done at any time."""
    due = deadlines.due_at("guards", peer_id)
    if due is not None:
        deadlines.clear("guards", peer_id, expected=due)
    peer = roster.find_peer(peer_id)
    if peer is not None and peer.is_reachable:
        _hand_out(_Round(peer, now, rng), renew_holdings(peer, now=now, rng=rng))


def give_one_more(
    peer: Peer,
    candidates: Sequence[Candidate],
    near: Sequence[Standing],
    *,
    now: datetime,
    rng: random.Random,
) -> bool:
    """Give an end one more guard, since with those it has there is no path to the other; tells if it did."""
    holdings = grant_in_conflict(peer, candidates, near, now=now, rng=rng)
    if holdings.fresh:
        _hand_out(_Round(peer, now, rng), holdings)
    return bool(holdings.fresh)


def _hand_out(look: _Round, holdings: Holdings) -> None:
    """Send what tickets the device has to get, and order links to its guards in use."""
    forwarding = roster.find_forwarding(peers_of(holdings.held), now=look.now)
    used = in_use(standing(holdings.held, forwarding), ends={look.peer.user})
    links = _open_links(look.peer)
    in_place = {each.peer for each in used}
    for held in holdings.held:
        is_fresh = held.grant.name in holdings.fresh
        guard = next((peer for peer in forwarding.values() if peer.device == held.grant.device), None)
        is_told = guard is not None and guard.peer in in_place and _stand(look, held, guard, links, is_fresh)
        if is_fresh and not is_told:
            look.frames.append((look.peer.device, write_ticket(held.ticket, look.rng)))
    is_settled = look.is_whole and len(used) == PLACES
    again = look.now + (limits.GUARDS_EVERY if is_settled else limits.GUARDS_MISSING_EVERY)
    scripts.PEER_GUARDED.run([store_keys.peer(look.peer.peer)], [again.timestamp()])
    if look.has_ordered:
        deadlines.schedule("guards", look.peer.peer, look.now + limits.GUARDS_AFTER_ORDER)
    # By lot: when an order leaves must not tell a guard from others.
    look.rng.shuffle(look.frames)
    push_frames(look.frames)


def _open_links(peer: Peer) -> dict[PeerId, LinkKey]:
    found = store.client().hgetall(store_keys.links(peer.peer))
    return {PeerId(other): LinkKey(link) for link, other in sorted(found.items(), reverse=True)}


def _stand(look: _Round, held: HeldGuard, guard: Peer, links: dict[PeerId, LinkKey], is_fresh: bool) -> bool:
    """See to it that there is a link to a guard; tells whether the device is told of it by its ticket."""
    link = links.get(guard.peer)
    before = None
    if link is not None:
        every = limits.GUARDS_EVERY.total_seconds()
        args = [look.peer.peer, look.now.timestamp(), every]
        before = scripts.LINK_STAND.run([store_keys.link(link)], args)
    if link is None or before is None:
        return _order(look, held, guard)
    to_device, to_guard = write_standing(held.ticket, StandingLink(link), look.rng)
    is_new = before == "" or is_fresh
    if is_new:
        look.frames.append((look.peer.device, to_device))
    if look.now.timestamp() - float(before or 0) >= limits.GUARDS_EVERY.total_seconds():
        look.frames.append((guard.device, to_guard))
    return is_new


def _order(look: _Round, held: HeldGuard, guard: Peer) -> bool:
    """Order a new link to a guard, if one of both has an offer for it and none was ordered just now."""
    look.is_whole = False
    if not look.has_ordered and not _may_order(look.peer):
        return False
    taken = _take_offer(look.peer, guard)
    if taken is None:
        if roster.may_ask_for_offer(look.peer.peer):
            push_frame(look.peer.device, OfferWanted())
        return False
    look.has_ordered = True
    offer, is_guards_offer = taken
    link = LinkKey(b64_text(secrets.token_bytes(ids.LINK_ID_BYTES)))
    ends = (guard.peer, look.peer.peer) if is_guards_offer else (look.peer.peer, guard.peer)
    with store.client().pipeline() as batch:
        mark: path_store.Fields = {"guards_b" if is_guards_offer else "guards_a": "0"}
        path_store.queue_pending_link(batch, link, ends, more=mark)
        batch.execute()
    to_device, to_guard = write_standing(held.ticket, StandingLink(link, offer, is_guards_offer), look.rng)
    look.frames += [(look.peer.device, to_device), (guard.device, to_guard)]
    return True


def _may_order(peer: Peer) -> bool:
    """Tell whether none was ordered for a peer just now: a link that does not open must not cost offers."""
    return bool(store.client().set(store_keys.ordered(peer.peer), "1", nx=True, px=store_keys.ORDERED_TTL))


def _take_offer(peer: Peer, guard: Peer) -> tuple[Offer, bool] | None:
    """Take an offer of the device, or else of its guard; the second value tells whose."""
    for owner in (peer, guard):
        try:
            return roster.pop_offers([owner.peer])[0], owner is guard
        except NoOffer:
            continue
    return None
