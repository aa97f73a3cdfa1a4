import random
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p.protocol.cells import CELL_BYTES, PAYLOAD_BYTES
from p2p.protocol.ids import ONION_KEY_BYTES, SIGNED_ONION_KEY_BYTES, HopId
from peer_agent.crypto import errors
from peer_agent.crypto import onion as o
from peer_agent.crypto.encoding import Reader
from peer_agent.crypto.identity import DeviceEntry, DeviceId, DeviceKeys
from peer_agent.crypto.onion_keys import OnionKeys, SignedOnionKey
from peer_agent.crypto.primitives import Ed25519Private, X25519Private, X25519Public

from .cases.onion import HOPS, PAYLOAD, PRIVATE, carried, only, sealed_layer
from .people import BO, DAY
from .vector_files import Case, flipped, load, verdict


def _wrap(case: Case) -> None:
    draws = iter(bytes.fromhex(draw) for draw in case["ephemerals"])
    hops = [
        o.Hop(X25519Public(bytes.fromhex(hop["key"])), HopId(bytes.fromhex(hop["hop_id"])))
        for hop in case["hops"]
    ]

    cell = o.wrap(hops, bytes.fromhex(case["payload"]), rng=lambda size: next(draws))

    assert [each.hex() for each in carried(cell)] == case["cells"]


def _keys(case: Case) -> OnionKeys:
    previous = None if case["previous"] is None else X25519Private(bytes.fromhex(case["previous"]))
    return OnionKeys(DAY, X25519Private(bytes.fromhex(case["current"])), previous)


def _peel(case: Case) -> None:
    peeled = o.peel(bytes.fromhex(case["cell"]), HopId(bytes.fromhex(case["hop_id"])), _keys(case))

    assert peeled.replay_tag.hex() == case["replay_tag"]
    if isinstance(peeled, o.Forward):
        assert (case["command"], peeled.cell.hex()) == ("forward", case["next"])
    else:
        assert (case["command"], peeled.payload.hex()) == ("deliver", case["payload"])


def _replay(case: Case) -> None:
    window = o.ReplayWindow()
    for tag in case["replay_tags"]:
        window.accept(bytes.fromhex(tag))


def _onion_key(case: Case) -> None:
    entry = DeviceEntry.read(Reader(bytes.fromhex(case["entry"])))
    signed = SignedOnionKey.unpack(bytes.fromhex(case["raw"]))

    assert signed.pack().hex() == case["raw"]
    assert signed.verify(entry, now_s=case["now_s"]) == signed.key


def _create_key(case: Case) -> None:
    signing = Ed25519Private(bytes.fromhex(case["device_signing_private"]))
    device = DeviceKeys(DeviceId(bytes.fromhex(case["device_id"])), signing, BO.device.agreement)
    keys = OnionKeys(case["day"], X25519Private(bytes.fromhex(case["private"])))

    assert keys.signed(device).pack().hex() == case["raw"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "wrap": _wrap,
    "peel": _peel,
    "replay": _replay,
    "onion-key": _onion_key,
    "create-key": _create_key,
}


@pytest.mark.parametrize("case", load("onion"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_sizes_that_the_protocol_names_are_those_of_the_layers() -> None:
    """Both sides of the border count: the protocol fixes the sizes, the layers have to fit."""
    signed = OnionKeys.create(day=DAY).signed(BO.device)

    assert CELL_BYTES - o.LAYERS * o.PAD_BYTES == PAYLOAD_BYTES
    assert len(signed.pack()) == SIGNED_ONION_KEY_BYTES
    assert len(signed.key.raw) == ONION_KEY_BYTES


@given(st.binary(max_size=PAYLOAD_BYTES))
@settings(max_examples=30)
def test_payload_arrives_at_the_fourth_peer(start: bytes) -> None:
    payload = start + bytes(PAYLOAD_BYTES - len(start))

    last = carried(o.wrap(HOPS, payload))[-1]

    assert o.peel(last, HOPS[-1].hop_id, only(PRIVATE[-1])) == o.Deliver(payload, _tag(last))


def _tag(cell: bytes) -> bytes:
    return o.peel(cell, HOPS[-1].hop_id, only(PRIVATE[-1])).replay_tag


def test_every_hop_carries_a_cell_of_one_size() -> None:
    assert [len(cell) for cell in carried(o.wrap(HOPS, PAYLOAD))] == [4096] * 4


@pytest.mark.parametrize("number", range(4))
def test_any_flipped_bit_is_refused_at_any_hop(number: int) -> None:
    cell = carried(o.wrap(HOPS, PAYLOAD))[number]
    drawn = random.Random(number).sample(range(4096), 150)

    for at in {0, 31, 32, 47, 48, 63, 64, 4031, 4032, 4095, *drawn}:
        with pytest.raises(errors.CellRejected):
            o.peel(flipped(cell, at, at % 8), HOPS[number].hop_id, only(PRIVATE[number]))


def test_any_truncation_is_refused() -> None:
    cell = o.wrap(HOPS, PAYLOAD)

    for size in [*range(200), *range(200, 4096, 97), 4095]:
        with pytest.raises(errors.CellRejected):
            o.peel(cell[:size], HOPS[0].hop_id, only(PRIVATE[0]))


def test_refusals_do_not_tell_why() -> None:
    cell = o.wrap(HOPS, PAYLOAD)
    told = set()

    for bad in (
        cell[:-1],
        bytes(32) + cell[32:],
        flipped(cell, 99),
        sealed_layer(b"\x09", HOPS[0], PRIVATE[2]),
    ):
        with pytest.raises(errors.CellRejected) as caught:
            o.peel(bad, HOPS[0].hop_id, only(PRIVATE[0]))
        told.add((str(caught.value), repr(caught.value.__cause__)))

    assert len(told) == 1


def test_no_two_hops_share_eight_bytes() -> None:
    for _ in range(20):
        cell = o.wrap(HOPS, bytes(PAYLOAD_BYTES))
        seen = [_windows(each) for each in carried(cell)]
        seen.append({bytes(hop.hop_id) for hop in HOPS})

        assert all(left.isdisjoint(right) for left, right in combinations(seen, 2))


def test_same_payload_wrapped_twice_shares_nothing() -> None:
    one, other = o.wrap(HOPS, PAYLOAD), o.wrap(HOPS, PAYLOAD)

    assert _windows(one).isdisjoint(_windows(other))


def _windows(raw: bytes) -> set[bytes]:
    return {raw[at : at + 8] for at in range(len(raw) - 7)}


def test_a_cell_can_not_be_opened_by_a_later_peer() -> None:
    cell = o.wrap(HOPS, PAYLOAD)

    for private, hop in zip(PRIVATE[1:], HOPS[1:], strict=True):
        with pytest.raises(errors.CellRejected):
            o.peel(cell, hop.hop_id, only(private))


def test_rotation_keeps_exactly_one_old_key() -> None:
    first = OnionKeys.create(day=DAY)
    second = first.rotated(day=DAY + 1)
    third = second.rotated(day=DAY + 2)
    late = first.rotated(day=DAY + 3)

    assert first.rotated(day=DAY) is first
    assert second.previous == first.current
    assert third.previous == second.current
    assert late.previous is None


def test_full_window_takes_no_more() -> None:
    window = o.ReplayWindow(limit=2)
    window.accept(b"1")
    window.accept(b"2")

    with pytest.raises(errors.CellRejected):
        window.accept(b"3")
