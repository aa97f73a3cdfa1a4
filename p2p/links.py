"""Links between peers as the server knows them: pending, open (so a path may reuse them), gone.

The `a` functions are for socket handlers.
Spec: docs/spec/store.md, section "Links"
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from mesa import deadlines, store
from p2p import limits, roster, scripts, store_keys
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import LinkId
from p2p.protocol.to_peer import LinkDrop
from p2p.pushing import push_frame
from p2p.records import DeviceKey, LinkKey, Peer, PeerId
from p2p.store_keys import milliseconds


async def areport_up(peer: PeerId, link: LinkId, *, now: datetime) -> None:
    """Note that a peer sees its link open; unless the other end says so within LINK_WITHIN it is dropped."""
    key = LinkKey(b64_text(link))
    lives = [milliseconds(store_keys.PEER_TTL), milliseconds(store_keys.PENDING_LINK_TTL)]
    args = [scripts.PREFIX, key, peer, *lives, (now + limits.LINK_WITHIN).timestamp()]
    await scripts.LINK_REPORT_UP.arun([store_keys.link(key), deadlines.KEY], args)


async def aremove(peer: PeerId, link: LinkId, *, now: datetime) -> DeviceKey | None:
    """Forget a link of this peer; returns the device at its other end."""
    device = await scripts.LINK_REMOVE.arun(*_removal(peer, LinkKey(b64_text(link)), now))
    return DeviceKey(device) if device else None


def _removal(peer: PeerId, link: LinkKey, now: datetime) -> tuple[list[str], list[Any]]:
    # For whom it was a standing link, another is ordered a little later.
    due = (now + limits.GUARDS_AFTER_BREAK).timestamp()
    return [store_keys.link(link), deadlines.KEY], [scripts.PREFIX, link, peer, due]


async def aanswer(peer: PeerId, link: LinkId) -> DeviceKey | None:
    """Let the answerer of a link answer, once; returns the device whose offer that answers."""
    device = await scripts.LINK_ANSWER.arun(
        [store_keys.link(LinkKey(b64_text(link)))], [scripts.PREFIX, peer]
    )
    return DeviceKey(device) if device else None


async def apair(peer: PeerId, links: Sequence[LinkId]) -> None:
    """Take a peer's word on links that the store forgot; each is back when its other end names it too."""
    for link in links:
        key = LinkKey(b64_text(link))
        lives = [milliseconds(store_keys.PEER_TTL), milliseconds(store_keys.PAIRING_TTL)]
        keys = [store_keys.link(key), store_keys.pairing(key)]
        await scripts.LINK_PAIR.arun(keys, [scripts.PREFIX, key, peer, *lives])


async def aforgotten(peer: PeerId, named: Sequence[LinkId]) -> list[LinkId]:
    """List the links that the store has for a peer and the peer does not name any more."""
    known = await store.async_client().hkeys(store_keys.links(peer))
    return [LinkId(b64_bytes(key)) for key in set(known) - {b64_text(link) for link in named}]


def expire_link(link: LinkKey, *, now: datetime) -> None:
    """Drop a link that one end alone has reported open: else the honest one holds it for good."""
    due = deadlines.due_at("link", link)
    a, b, state = store.client().hmget(store_keys.link(link), ["a", "b", "state"])
    if a and b and state == "pending":
        drop_link(link, roster.find_peers([PeerId(a), PeerId(b)]).values(), now=now)
    if due is not None:
        deadlines.clear("link", link, expected=due)


def drop_link(link: LinkKey, ends: Collection[Peer], *, now: datetime) -> None:
    """Forget a link that does not work, and have both ends close it."""
    for peer in ends:
        scripts.LINK_REMOVE.run(*_removal(peer.peer, link, now))
    for peer in ends:
        push_frame(peer.device, LinkDrop(LinkId(b64_bytes(link))))


def drop_links(peer: Peer, *, now: datetime) -> None:
    """Forget all links of a peer that is gone, and have their other ends close them."""
    links = store.client().hgetall(store_keys.links(peer.peer))
    others = roster.find_peers([PeerId(other) for other in links.values()])
    for link in links:
        scripts.LINK_REMOVE.run(*_removal(peer.peer, LinkKey(link), now))
    store.client().delete(store_keys.links(peer.peer))
    for link, other in links.items():
        devices: list[DeviceKey] = [peer.device]
        if PeerId(other) in others:
            devices.append(others[PeerId(other)].device)
        for device in devices:
            push_frame(device, LinkDrop(LinkId(b64_bytes(link))))
