"""The keys of a path: the receiver's onion key has to be the pinned device's, whatever the server says."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from p2p.protocol.cells import LinkFrame
from p2p.protocol.ids import DeviceId, HopId, LinkId, StreamId, TransactionId
from p2p.protocol.to_peer import PathReady
from peer_agent.crypto import onion
from peer_agent.crypto.errors import BadSignature, CryptoError, NotValidNow, UnknownDevice
from peer_agent.crypto.identity import DeviceKeys, create_device
from peer_agent.crypto.onion_keys import DAY_S, OnionKeys, SignedOnionKey
from peer_agent.crypto.primitives import X25519Private
from peer_agent.route import make_route

DAY = 20_000
NOW_S = DAY * DAY_S + 60


@pytest.fixture
def bo() -> DeviceKeys:
    return create_device()


@pytest.fixture
def keys() -> list[OnionKeys]:
    """Onion keys of three forwarders and the receiver."""
    return [OnionKeys.create(day=DAY) for _ in range(4)]


@pytest.fixture
def path(bo: DeviceKeys, keys: list[OnionKeys]) -> PathReady:
    """A path to bo, as an honest server tells it."""
    return PathReady(
        tx=TransactionId(uuid.uuid4()),
        attempt=1,
        device=DeviceId(uuid.UUID(bytes=bo.device_id)),
        onion_key=keys[3].signed(bo).pack(),
        forwarders=tuple(each.current.public.raw for each in keys[:3]),
        hops=tuple(HopId(secrets.token_bytes(8)) for _ in range(4)),
        link=LinkId(secrets.token_bytes(16)),
    )


def test_cells_of_a_genuine_path_open_at_its_end(
    bo: DeviceKeys, keys: list[OnionKeys], path: PathReady
) -> None:
    route = make_route(path, bo.entry, now_s=NOW_S)
    cell = LinkFrame.unpack(next(route.frames(1, b"envelope", first=0))).cell

    for each, hop in zip(keys, path.hops, strict=True):
        peeled = onion.peel(cell, hop, each)
        cell = b"" if isinstance(peeled, onion.Deliver) else peeled.cell

    assert isinstance(peeled, onion.Deliver)


def another_device(bo: DeviceKeys) -> bytes:
    """A key of the server's own, honestly signed, by a device of its own."""
    return OnionKeys.create(day=DAY).signed(create_device()).pack()


def in_his_name(bo: DeviceKeys) -> bytes:
    """A key of the server's own that names bo's device, signed by another."""
    forger = replace(create_device(), device_id=bo.device_id)
    return OnionKeys.create(day=DAY).signed(forger).pack()


def key_exchanged(bo: DeviceKeys) -> bytes:
    """bo's own signature with a key of the server's put in its place."""
    genuine = OnionKeys.create(day=DAY).signed(bo)
    return replace(genuine, key=X25519Private.generate().public).pack()


def day_exchanged(bo: DeviceKeys) -> bytes:
    """An old key of bo's, dated anew."""
    return replace(OnionKeys.create(day=DAY - 9).signed(bo), day=DAY).pack()


def without_signature(bo: DeviceKeys) -> bytes:
    return replace(OnionKeys.create(day=DAY).signed(bo), signature=bytes(64)).pack()


def out_of_date(bo: DeviceKeys) -> bytes:
    return OnionKeys.create(day=DAY - 3).signed(bo).pack()


def of_the_future(bo: DeviceKeys) -> bytes:
    return OnionKeys.create(day=DAY + 2).signed(bo).pack()


@pytest.mark.parametrize(
    ("substitute", "error"),
    [
        (another_device, UnknownDevice),
        (in_his_name, BadSignature),
        (key_exchanged, BadSignature),
        (day_exchanged, BadSignature),
        (without_signature, BadSignature),
        (out_of_date, NotValidNow),
        (of_the_future, NotValidNow),
    ],
)
def test_substituted_onion_key_of_the_receiver_is_refused(
    bo: DeviceKeys, path: PathReady, substitute: Callable[[DeviceKeys], bytes], error: type[CryptoError]
) -> None:
    with pytest.raises(error):
        make_route(replace(path, onion_key=substitute(bo)), bo.entry, now_s=NOW_S)


def test_key_of_another_device_than_the_frame_names_is_refused(bo: DeviceKeys, path: PathReady) -> None:
    with pytest.raises(UnknownDevice):
        make_route(path, create_device().entry, now_s=NOW_S)


@pytest.mark.parametrize("at", range(0, 117, 13))
def test_no_changed_byte_of_the_key_passes(bo: DeviceKeys, path: PathReady, at: int) -> None:
    changed = bytearray(path.onion_key)
    changed[at] ^= 1

    with pytest.raises(CryptoError):
        make_route(replace(path, onion_key=bytes(changed)), bo.entry, now_s=NOW_S)


def test_stream_names_its_message_for_one_attempt_only(bo: DeviceKeys, path: PathReady) -> None:
    first, second = (make_route(path, bo.entry, now_s=NOW_S) for _ in range(2))
    for route in (first, second):
        list(route.frames(7, b"envelope", first=0))
    streams = [next(iter(route._streams.values())) for route in (first, second)]

    assert [first.message_of(stream) for stream in streams] == [7, None]
    assert second.message_of(StreamId(bytes(8))) is None


def test_key_comes_back_as_it_was_signed(bo: DeviceKeys) -> None:
    signed = OnionKeys.create(day=DAY).signed(bo)

    assert SignedOnionKey.unpack(signed.pack()) == signed
