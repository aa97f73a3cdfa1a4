"""Names of the keys that presence, links, paths and transactions have in the store, and how long each lives.

Spec: docs/spec/store.md
"""

from datetime import timedelta
from typing import Final

from mesa import store
from p2p.records import DeviceKey, HopKey, LinkKey, PeerId, TxKey, UserKey

PEER_TTL: Final = timedelta(seconds=150)
RESUME_TTL: Final = timedelta(seconds=90)
PENDING_LINK_TTL: Final = timedelta(seconds=20)
PAIRING_TTL: Final = timedelta(seconds=60)
TX_TTL: Final = timedelta(seconds=150)
DIRECT_TTL: Final = timedelta(seconds=60)
OFFER_WAIT_TTL: Final = timedelta(seconds=150)
PATH_TTL: Final = timedelta(seconds=70)
HELD_TTL: Final = timedelta(seconds=120)
WAIT_TTL: Final = timedelta(seconds=150)
BLAME_TTL: Final = timedelta(seconds=60)
ORDERED_TTL: Final = timedelta(seconds=10)
LOOKS_TTL: Final = timedelta(seconds=60)
JOBS_TTL: Final = timedelta(seconds=150)
SAMPLE_TTL: Final = timedelta(seconds=1)
FORWARDER_AGE: Final = timedelta(seconds=120)

FORWARDERS: Final = store.trimmed("forwarders")
WAITING_FORWARDERS: Final = store.trimmed("waiting_forwarders")
NETWORKS: Final = store.trimmed("networks")
TURNS: Final = store.trimmed("turns")
TASKS: Final = store.key("tasks")
IDLE: Final = store.key("idle")
WEBS: Final = store.trimmed("webs")


def peer(peer_id: PeerId) -> str:
    return store.key("peer", peer_id)


def device(device_key: DeviceKey) -> str:
    return store.key("device", device_key)


def devices(user: UserKey) -> str:
    return store.key("devices", user)


def network(name: str) -> str:
    return store.key("network", name)


def stands_in(user: UserKey) -> str:
    return store.key("stands_in", user)


def forwarding(user: UserKey) -> str:
    return store.key("forwarding", user)


def resume(digest: str) -> str:
    return store.key("resume", digest)


def tickets(peer_id: PeerId) -> str:
    return store.key("tickets", peer_id)


def ordered(peer_id: PeerId) -> str:
    return store.key("ordered", peer_id)


def offers(peer_id: PeerId) -> str:
    return store.key("offers", peer_id)


def taken(peer_id: PeerId) -> str:
    return store.key("taken", peer_id)


def offer_waits(peer_id: PeerId) -> str:
    return store.key("offer_waits", peer_id)


def asked(tx_key: TxKey) -> str:
    return store.key("asked", tx_key)


def wanted(peer_id: PeerId) -> str:
    return store.key("wanted", peer_id)


def owed(peer_id: PeerId) -> str:
    return store.key("owed", peer_id)


def link(link_key: LinkKey) -> str:
    return store.key("link", link_key)


def links(peer_id: PeerId) -> str:
    return store.key("links", peer_id)


def pairing(link_key: LinkKey) -> str:
    return store.key("pairing", link_key)


def hops(peer_id: PeerId) -> str:
    return store.key("hops", peer_id)


def blame(user: UserKey) -> str:
    return store.key("blame", user)


def reports(network: str) -> str:
    return store.key("reports", network)


def reported(network: str) -> str:
    return store.key("reported", network)


def looks(user: UserKey, minute: int) -> str:
    return store.key("looks", user, minute)


def guard_looks(user: UserKey, minute: int) -> str:
    return store.key("guard_looks", user, minute)


def sample(size: int) -> str:
    return store.key("sample", size)


def jobs(user: UserKey) -> str:
    return store.key("jobs", user)


def call(waiter: str) -> str:
    return store.key("call", waiter)


def tx(tx_key: TxKey) -> str:
    return store.key("tx", tx_key)


def tx_hops(tx_key: TxKey) -> str:
    return store.key("tx_hops", tx_key)


def txs(owner: DeviceKey) -> str:
    return store.key("txs", owner)


def reaching(digest: str) -> str:
    return store.key("reaching", digest)


def path(tx_key: TxKey, attempt: int) -> str:
    return store.key("path", tx_key, attempt)


def hop(hop_key: HopKey) -> str:
    return store.key("hop", hop_key)


def avoided(tx_key: TxKey) -> str:
    return store.key("avoided", tx_key)


def held(tx_key: TxKey) -> str:
    return store.key("held", tx_key)


def held_sizes(owner: DeviceKey) -> str:
    return store.key("held_sizes", owner)


def finding(tx_key: TxKey) -> str:
    return store.key("finding", tx_key)


def direct(tx_key: TxKey) -> str:
    return store.key("direct", tx_key)


def waiting(user: UserKey) -> str:
    return store.key("waiting", user)


def watched(peer_id: PeerId) -> str:
    return store.key("watched", peer_id)


def unanswered(peer_id: PeerId) -> str:
    return store.key("unanswered", peer_id)


def watchers(user: UserKey) -> str:
    return store.key("watchers", user)


def milliseconds(life: timedelta) -> int:
    """Write a TTL as scripts take it."""
    return int(life.total_seconds() * 1000)
