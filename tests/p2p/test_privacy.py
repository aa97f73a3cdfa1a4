"""What the server writes where others could look: tasks and jobs, logs, the admin, network hashes."""

import asyncio
import inspect
import logging
from datetime import datetime

import pytest
from asgiref.sync import sync_to_async
from celery import current_app

from mesa import addresses, store
from p2p import store_keys, turns
from p2p.consumers import PeerConsumer
from p2p.models import P2PPath, P2PTransaction
from p2p.networks import counted_network, network_of
from p2p.protocol.fields import b64_text
from p2p.protocol.to_server import Complete, HopFailed
from p2p.records import PeerId
from p2p.tasks import RNG
from tests.factories import make_operator
from tests.p2p.peers import Network, TestPeer, communicator
from tests.p2p.scenes import OpenPath, open_path
from tests.p2p.worker import after

LIMIT_S = 10.0


@pytest.fixture
def jobs_taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every job that waited in the store, as one who dumps it would see it."""
    taken: list[str] = []
    original = turns.take

    def record(*, now: datetime, is_first: bool = False) -> turns.Turn | None:
        turn = original(now=now, is_first=is_first)
        taken.extend([] if turn is None else [turn.job])
        return turn

    monkeypatch.setattr(turns, "take", record)
    return taken


async def handles_of(path: OpenPath) -> list[PeerId]:
    peers = await store.async_client().hget(store.key("path", path.tx, 1), "peers")
    assert peers is not None
    return [PeerId(peer) for peer in peers.split()]


async def exercise(network: Network) -> tuple[OpenPath, list[str]]:
    """A transaction with a failed hop, a peer that goes, a receipt and an end; returns every secret of it."""
    path = await open_path(network, forwarders=4)
    secrets = [b64_text(hop) for hop in path.ready.hops] + [*await handles_of(path)]
    await path.peers[1].send(HopFailed(path.ready.hops[1]))
    await path.receiver.send(path.receipt())
    await path.forwarders[2].close()
    await after(3.5)
    await path.sender.send(Complete(path.ready.tx))
    await path.sender.settled()
    return path, secrets


async def test_no_job_names_who_forwards_for_whom(network: Network, jobs_taken: list[str]) -> None:
    """No job names two of transaction, hop, peer, device and user."""
    path, secrets = await exercise(network)
    devices_and_users = [ident for peer in network.peers for ident in (peer.device, peer.user)]
    idents = [path.tx, *secrets, *devices_and_users]

    named = [[ident for ident in idents if ident in job] for job in jobs_taken]

    assert {job.partition(":")[0] for job in jobs_taken} >= {"attempt", "fail_hop", "gone", "complete"}
    assert [path.tx] in named
    assert [each for each in named if len(each) > 1] == []


async def test_no_job_is_left_of_an_ended_transaction(network: Network) -> None:
    await exercise(network)

    names = [name async for name in store.async_client().scan_iter("mesa:jobs:*")]

    assert names == []
    assert await store.async_client().zcard(store_keys.TURNS) == 0


def test_no_task_takes_an_argument() -> None:
    own = {name: task for name, task in current_app.tasks.items() if name.startswith("p2p.")}

    assert set(own) == {
        "p2p.tasks.take_turn",
        "p2p.tasks.recover_turns",
        "p2p.tasks.close_dead_webs",
        "p2p.tasks.prune",
    }
    assert [name for name, task in own.items() if inspect.signature(task.run).parameters] == []


async def test_logs_hold_no_id_address_or_description(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="p2p"), caplog.at_level(logging.DEBUG, logger="mesa"):
        path, secrets = await exercise(network)

    idents = [ident for peer in path.peers for ident in (peer.user, peer.device, peer.login.login.sid.hex)]
    for secret in (*secrets, *idents, path.tx, "v=0"):
        assert secret not in caplog.text


async def test_the_admin_shows_counts_and_states_only(network: Network) -> None:
    path, secrets = await exercise(network)
    client = await sync_to_async(make_operator)()

    page = await sync_to_async(client.get)("/admin/p2p/p2ptransaction/")

    text = page.content.decode()
    assert page.status_code == 200
    assert "completed" in text
    for secret in (*secrets, path.tx, *(peer.user for peer in path.peers)):
        assert secret not in text


@pytest.mark.parametrize("address", ["add/", "00000000-0000-4000-8000-000000000000/delete/"])
@pytest.mark.django_db
@pytest.mark.usefixtures("empty_store")
def test_the_admin_changes_nothing(address: str) -> None:
    client = make_operator()

    assert client.get(f"/admin/p2p/p2ptransaction/{address}").status_code == 404


def test_rows_have_no_name_in_text() -> None:
    assert (str(P2PTransaction()), str(P2PPath())) == ("a transaction", "an attempt")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("93.184.216.34", "93.184.216.0/24"),
        ("::ffff:93.184.216.34", "93.184.216.0/24"),
        ("2606:2800:220:1:248:1893:25c8:1946", "2606:2800:220::/48"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("10.1.2.3", ""),
        ("192.168.7.7", ""),
        ("fd00::1", ""),
        ("fe80::1", ""),
        ("", ""),
        ("unix", ""),
    ],
)
def test_an_address_counts_by_its_network_where_that_says_something(address: str, network: str) -> None:
    assert counted_network(address) == network


async def test_a_network_is_known_again_but_not_readable(async_store: store.AsyncClient) -> None:
    one, again = await network_of("93.184.216.34"), await network_of("93.184.216.99")
    other = await network_of("93.184.217.34")

    assert one == again != other
    assert "93" not in one.split(".")
    await async_store.flushall()
    assert await network_of("93.184.216.34") != one


async def test_no_address_is_in_the_store(network: Network) -> None:
    header = (b"x-forwarded-for", b"93.184.216.34")
    ada = await network.connect(await network.login("ada"), headers=(header,))
    await ada.greet()

    records = [
        str(await store.async_client().hgetall(name))
        async for name in store.async_client().scan_iter("mesa:peer:*")
    ]

    assert len(records) == 1
    assert "93.184" not in str(records)
    assert "127.0.0.1" not in str(records)


async def come_from(network: Network, name: str, address: str) -> TestPeer:
    login = await network.login(name)
    socket = communicator(login)
    socket.scope["client"] = (address, 50_000)
    assert (await socket.connect())[0]
    peer = TestPeer(login, socket)
    network.peers.append(peer)
    await peer.greet()
    await peer.publish(forward=True)
    return peer


async def networks_noted(peers: list[TestPeer]) -> set[str]:
    """The networks that they stand in; of each the next heartbeat was handled."""
    for peer in peers:
        await peer.settled()
    handles = [await store.async_client().get(store_keys.device(peer.device_key)) for peer in peers]
    records = [store_keys.peer(PeerId(str(handle))) for handle in handles]
    return {str(await store.async_client().hget(name, "network")) for name in records}


async def test_who_stays_while_the_key_changes_gains_no_network(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one machine stood in as many networks as days: with one account more each day, all staying."""
    monkeypatch.setattr(PeerConsumer, "first_recheck_s", 0.05)
    monkeypatch.setattr(PeerConsumer, "recheck_every_s", 0.05)
    one = await come_from(network, "f1", "93.184.216.34")
    before = await networks_noted([one])
    await store.async_client().delete(addresses.KEY)
    other = await come_from(network, "f2", "93.184.216.99")

    async with asyncio.timeout(LIMIT_S):
        while len(noted := await networks_noted([one, other])) != 1:
            pass

    assert not noted & before


def test_chance_comes_from_the_operating_system() -> None:
    with pytest.raises(NotImplementedError):
        RNG.getstate()
