"""A POST leads to orders on five sockets, at once, and to nobody else."""

from asgiref.sync import sync_to_async

from p2p.models import P2PPath, P2PTransaction
from p2p.orders import BARE_KEY
from p2p.protocol.to_peer import AttemptFailed, PathReady, ReadyToReceive
from p2p.protocol.words import Cause, How
from tests.p2p.peers import Network
from tests.p2p.scenes import open_path, send_to, take_path
from tests.p2p.worker import after


async def test_all_five_peers_get_an_order_and_the_sender_gets_its_keys(network: Network) -> None:
    path = await open_path(network)

    assert str(path.ready.tx) == path.tx
    assert path.ready.attempt == 1
    assert path.ready.device == path.receiver.login.device.pk
    assert path.ready.onion_key == path.receiver.onion_key
    assert list(path.ready.forwarders) == [peer.onion_key[BARE_KEY] for peer in path.forwarders]
    assert list(path.ready.hops) == [order.out.hop for order in path.orders[:-1]]
    assert path.ready.link == path.orders[0].out.link


async def test_each_new_link_uses_an_offer_of_the_peer_before(network: Network) -> None:
    path = await open_path(network)

    for at, peer in enumerate(path.peers[:-1]):
        order, answerer = path.orders[at].out, path.orders[at + 1].in_
        stock = {offer.id: offer.sdp for offer in peer.offers}
        assert order.how is How.TAKEN
        assert order.offer is not None
        assert answerer.sdp == stock[order.offer]


async def test_only_the_sender_gets_path_ready_and_nobody_else_is_told(network: Network) -> None:
    path = await open_path(network, forwarders=4)

    for peer in network.peers:
        frames = await peer.everything()
        assert not [frame for frame in frames if isinstance(frame, PathReady | ReadyToReceive)]
    assert len({peer.user for peer in path.peers}) == 5


async def test_an_attempt_leaves_a_row_without_users(network: Network) -> None:
    path = await open_path(network)

    row = await sync_to_async(P2PTransaction.objects.get)(pk=path.tx)
    attempt = await sync_to_async(P2PPath.objects.get)(transaction=row)

    assert (row.state, row.attempts, row.cause) == ("open", 1, "")
    assert (attempt.attempt, attempt.state) == (1, "open")
    assert row.started.second == attempt.started.second == 0
    names = {field.name for field in (*P2PTransaction._meta.get_fields(), *P2PPath._meta.get_fields())}
    assert names == {
        "id",
        "state",
        "attempts",
        "cause",
        "started",
        "ended",
        "paths",
        "transaction",
        "attempt",
    }


async def test_too_few_forwarders_means_waiting_and_saying_so_once(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(2)

    tx_key = await send_to(ada, bo.login)
    await after(2.5)
    await after(5)

    failed = [frame for frame in await ada.everything() if isinstance(frame, AttemptFailed)]
    assert failed == [AttemptFailed(failed[0].tx, 0, Cause.TOO_FEW_FORWARDERS, 2)]
    assert str(failed[0].tx) == tx_key
    for peer in (bo, *crowd):
        assert await peer.everything() == []


async def test_a_third_forwarder_ends_the_wait(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(2)
    tx_key = await send_to(ada, bo.login)

    crowd.append(await network.online("late", forward=True))

    path = await take_path(tx_key, ada, [ada, bo, *crowd])
    assert path.ready.attempt == 1


async def test_a_peer_that_does_not_forward_is_never_asked_to(network: Network) -> None:
    await network.online("idler", forward=False)
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(2)

    await send_to(ada, bo.login)

    failed = await ada.expect(AttemptFailed)
    assert failed.forwarders == 2
