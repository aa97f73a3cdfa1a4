"""No two ids that the peers of a path get are alike: two peers could find out that they are on one path."""

from itertools import combinations

from p2p.protocol.to_server import Repath
from tests.p2p.peers import Network
from tests.p2p.scenes import OpenPath, open_path, take_path

# Those of a path share four bytes in a row by chance once in some hundred thousand paths.
SHARED_BYTES = 4


def pieces(ident: bytes) -> set[bytes]:
    return {ident[at : at + SHARED_BYTES] for at in range(len(ident) - SHARED_BYTES + 1)}


def ids_of(path: OpenPath) -> set[bytes]:
    """Every hop and link that an order names, with the filler of the ends."""
    return {
        ident for order in path.orders for side in (order.in_, order.out) for ident in (side.hop, side.link)
    }


def alike(ids: set[bytes]) -> list[tuple[bytes, bytes]]:
    return [(one, other) for one, other in combinations(sorted(ids), 2) if pieces(one) & pieces(other)]


async def test_no_two_ids_of_a_path_share_four_bytes(network: Network) -> None:
    path = await open_path(network)

    ids = ids_of(path)

    # Six hops and six links: the four real ones, and one at either end that leads nowhere.
    assert len(ids) == 2 * (len(path.ready.hops) + 2)
    assert alike(ids) == []


async def test_no_hop_of_a_second_path_is_like_one_of_the_first(network: Network) -> None:
    first = await open_path(network, forwarders=4)
    await first.sender.send(Repath(first.ready.tx, first.ready.attempt))
    second = await take_path(first.tx, first.sender, network.peers)

    assert alike({*first.ready.hops, *second.ready.hops}) == []


def test_ids_that_share_four_bytes_are_noticed() -> None:
    assert alike({b"abcdefgh", b"xxabcdxx"})
    assert not alike({b"abcdefgh", b"xxabcxxx"})
