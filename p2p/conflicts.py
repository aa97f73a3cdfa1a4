"""Two ends whose guards can not serve between them, however long they wait: one of them gets another.

Spec: docs/spec/guards.md, section "Binding a path"
"""

import random
from collections.abc import Sequence
from datetime import datetime

from p2p import guarding
from p2p.binding import Bound, are_shared, guards_for, is_whole, lacks_place, near
from p2p.pathfinding import End, Ends, Guards, Path, choose_path
from p2p.records import Peer
from p2p.surveying import Survey


def help_in_conflict(
    survey: Survey, bound: Bound, ends: Sequence[Peer], *, now: datetime, rng: random.Random
) -> None:
    """Give an end one more guard if those it has can not serve between these two, however long they wait."""
    sender, receiver = ends
    if lacks_place(bound.sender, survey, receiver.user) or _is_blocked(survey, bound, ends, rng):
        alike = [*near(bound.sender, survey, ends), *near(bound.receiver, survey, [])]
        guarding.give_one_more(sender, survey.willing, alike, now=now, rng=rng)
    if lacks_place(bound.receiver, survey, sender.user):
        alike = [*near(bound.receiver, survey, ends), *near(bound.sender, survey, [])]
        guarding.give_one_more(receiver, survey.willing, alike, now=now, rng=rng)


def _is_blocked(survey: Survey, bound: Bound, ends: Sequence[Peer], rng: random.Random) -> bool:
    """Tell whether the sender's guards are what stands in the way of every path, and waiting mends nothing.

    All of them are there; or both ends have the same ones, so that one alone can never serve both.
    Not asked of the receiver: whoever writes to it could have it take another one (T-23). Nor of who has
    offers: whoever empties the stocks of two guards could.
    """
    if not bound.sender or not (is_whole(bound.sender, survey) or are_shared(bound)):
        return False
    named = Ends(*(End(end.peer, end.user) for end in ends))
    guards = guards_for(bound, survey, {end.user for end in ends})

    def is_there_a_path(guards: Guards) -> bool:
        return isinstance(choose_path(survey.willing, named, guards, survey.links.keys(), rng), Path)

    return not is_there_a_path(guards) and is_there_a_path(Guards(None, guards.receiver))
