"""Which guards a path is bound to: those of both ends that are in use for it.

Spec: docs/spec/guards.md, section "Binding a path"
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from p2p.guards import Standing, in_use
from p2p.held_guards import HeldGuard, read_tickets, standing
from p2p.pathfinding import Guards
from p2p.records import DeviceKey, Peer, PeerId, Tx, UserKey
from p2p.surveying import Survey


@dataclass(frozen=True, slots=True)
class Bound:
    """The guards that both ends hold."""

    sender: Sequence[HeldGuard]
    receiver: Sequence[HeldGuard]

    @property
    def devices(self) -> set[DeviceKey]:
        """The devices of all these guards."""
        return {each.grant.device for each in (*self.sender, *self.receiver)}


def read_bound(tx: Tx, ends: Sequence[Peer], shown: Sequence[Sequence[str]], now: datetime) -> Bound:
    """Read the guards of a path's ends from the tickets that they have shown, and the transaction's."""
    sender, receiver = ends
    shown_by_sender, shown_by_receiver = shown
    return Bound(
        sender=read_tickets({*tx.tickets, *shown_by_sender}, sender.device, now),
        receiver=read_tickets(shown_by_receiver, receiver.device, now),
    )


def guards_for(bound: Bound, survey: Survey, ends: Collection[UserKey]) -> Guards:
    """Say who may stand next to the ends. An end that holds none is not bound; one whose guards are away is.

    Asked of who is reachable, not of who has offers: emptying stocks must not move an end to another guard.
    """
    return Guards(_places(bound.sender, survey, ends), _places(bound.receiver, survey, ends))


def _places(held: Sequence[HeldGuard], survey: Survey, ends: Collection[UserKey]) -> list[PeerId] | None:
    if not held:
        return None
    return [each.peer for each in in_use(standing(held, survey.guards), ends=ends)]


def is_whole(held: Sequence[HeldGuard], survey: Survey) -> bool:
    """Tell whether all guards that an end holds are reachable."""
    return len(standing(held, survey.guards)) == len(held)


def are_shared(bound: Bound) -> bool:
    """Tell whether each guard of the sender is one of the receiver, too."""
    return _accounts(bound.sender) <= _accounts(bound.receiver)


def _accounts(held: Sequence[HeldGuard]) -> set[UserKey]:
    return {each.grant.account for each in held}


def lacks_place(held: Sequence[HeldGuard], survey: Survey, other_end: UserKey) -> bool:
    """Tell whether a guard of an end is the other end itself, and none of its others is reachable.

    Another one tells the other end nothing: it is a neighbour already.
    """
    others = [each for each in held if each.grant.account != other_end]
    return len(others) < len(held) and not standing(others, survey.guards)


def near(held: Sequence[HeldGuard], survey: Survey, ends: Sequence[Peer]) -> list[Standing]:
    """List what another guard of an end must not be like: the ends and the guards it holds."""
    of_ends = [Standing(end.peer, end.user, end.network) for end in ends]
    return [*of_ends, *standing(held, survey.guards)]
