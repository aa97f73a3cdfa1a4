"""Who could forward: all who offered to where they are few, else a sample; and the guards of a path's ends.

Spec: docs/spec/pathfinding.md, section "Procedure", steps 1 and 2
"""

import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from p2p import limits, roster, scripts, store_keys
from p2p.pathfinding import Candidate, Pair
from p2p.records import DeviceKey, LinkKey, Peer, PeerId, TxKey, UserKey
from p2p.store_keys import milliseconds

# A path takes one or three of them.
FEW: Final = 32
MANY: Final = 100

Links = dict[Pair, LinkKey]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at. `tx`: whose earlier paths are gone around, without links that brought no answer.

    `guards`: devices that are looked at, sampled or not. `most`: how many others are. `look_of`: the account
    that this is counted for as a look.
    """

    tx: TxKey | None = None
    guards: Collection[DeviceKey] = ()
    most: int = MANY
    look_of: UserKey | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """Who could forward, and their links to the ends and to `dry`.

    `dry`: those whose stock is empty; they are candidates only if they have a link here. `askable`: those of
    them that may still answer when they are asked for an offer. `guards`: those of the scope who could be
    reached and offered to forward, dry or not. `willing`: all who could be reached, as candidates for guards;
    who has let the time for an offer pass is out of favour. `is_part`: there are others.
    """

    candidates: list[Candidate]
    willing: list[Candidate]
    links: Links
    dry: frozenset[PeerId]
    askable: list[PeerId]
    guards: dict[PeerId, Peer]
    is_part: bool
    ends: Mapping[PeerId, Peer]
    records: Mapping[PeerId, Sequence[str | None]]

    def peer(self, peer_id: PeerId) -> Peer:
        """Read one of those who could forward, or an end."""
        return self.ends.get(peer_id) or roster.to_peers([peer_id], [self.records[peer_id]])[peer_id]


class TooManyLooks(Exception):
    """The account has looked as often as it may in this minute."""


def survey(ends: Sequence[Peer], scope: Scope, *, now: datetime, rng: random.Random) -> Survey:
    """Look who could forward between these ends, and which links are open that decide who is taken.

    Raises:
        TooManyLooks: it would be counted as one too many.
    """
    while (found := _look(ends, scope, now)) == "draw":
        _draw_sample(scope.most, now, rng)
    if found == "enough":
        raise TooManyLooks
    is_part, rows, bound, open_links, avoided = json.loads(found)
    dry = frozenset(PeerId(peer) for peer, _, _, stock, *_ in rows if not stock)
    latest = (now - limits.OFFER_WITHIN).timestamp()
    overdue = frozenset(peer for peer, *_, owed, _ in rows if owed and float(owed) <= latest)
    links = _to_links([found for found in open_links if found[1] not in avoided])
    linked = {peer for pair in links for peer in pair} - overdue
    shunned = overdue.union(avoided)
    willing = [_to_candidate(row, shunned, now.timestamp()) for row in rows]
    records = {PeerId(peer): record for peer, record, *_ in rows}
    named = [peer for peer in bound if peer in records]
    return Survey(
        candidates=[each for each in willing if each.peer not in dry or each.peer in linked],
        willing=willing,
        links=links,
        dry=dry,
        askable=[peer for peer in records if peer in dry and peer not in overdue],
        guards=roster.to_peers(named, [records[peer] for peer in named]),
        is_part=is_part,
        ends={end.peer: end for end in ends},
        records=records,
    )


def _look(ends: Sequence[Peer], scope: Scope, now: datetime) -> str:
    looks = most_looks = ""
    if scope.look_of is not None:
        looks = store_keys.looks(scope.look_of, roster.minute_of(now))
        most_looks = str(limits.LOOKS_PER_MINUTE_OF_ACCOUNT)
    of_tx = store_keys.avoided(scope.tx or TxKey(""))
    keys = [of_tx, store_keys.FORWARDERS, store_keys.sample(scope.most), looks]
    oldest = (now - store_keys.FORWARDER_AGE).timestamp()
    limited = [most_looks, milliseconds(store_keys.LOOKS_TTL)]
    counts = [len(roster.FIELDS), len(scope.guards)]
    named = [*roster.FIELDS, *scope.guards, *(end.peer for end in ends)]
    return str(scripts.SURVEY.run(keys, [scripts.PREFIX, oldest, scope.most, *limited, *counts, *named]))


def _draw_sample(most: int, now: datetime, rng: random.Random) -> None:
    """Draw so many for the looks of the next second: each network is as likely as another."""
    keys = [store_keys.FORWARDERS, store_keys.NETWORKS, store_keys.sample(most)]
    oldest = (now - store_keys.FORWARDER_AGE).timestamp()
    args = [scripts.PREFIX, oldest, milliseconds(store_keys.SAMPLE_TTL), most]
    scripts.FORWARDERS_SAMPLE.run(keys, [*args, *(rng.random() for _ in range(3 * most))])


def _to_candidate(row: Sequence[Any], shunned: Collection[str], now_s: float) -> Candidate:
    peer, (user, _, _, _, network, _, since, _), refreshed, _, _, blame = row
    return Candidate(
        peer=PeerId(peer),
        account=UserKey(user),
        network=network or "",
        age_s=max(0.0, now_s - float(refreshed)),
        in_favour=peer not in shunned and int(blame or 0) < roster.BLAME_LIMIT,
        online_s=now_s - float(since) if since else 0.0,
    )


def _to_links(found: Sequence[tuple[str, str, str]]) -> Links:
    """Take of two links between the same peers the lower id: glare leaves both open."""
    links: Links = {}
    for peer_id, link, other in found:
        pair = frozenset({PeerId(peer_id), PeerId(other)})
        links[pair] = min(LinkKey(link), links.get(pair, LinkKey(link)))
    return links
