"""Vectors of docs/spec/onion.md."""

from p2p.protocol.cells import PAYLOAD_BYTES
from p2p.protocol.ids import HOP_ID_BYTES, HopId
from peer_agent.crypto import onion as o
from peer_agent.crypto.onion_keys import DAY_S, OnionKeys
from peer_agent.crypto.primitives import SealKey, X25519Private, derive, seal_once

from ..people import BO, DAY, MALLORY
from ..vector_files import Case, Drawn, flipped

_RNG = Drawn("path")
PRIVATE = [X25519Private.generate(_RNG) for _ in range(o.LAYERS)]
HOPS = [o.Hop(private.public, HopId(_RNG(HOP_ID_BYTES))) for private in PRIVATE]
PAYLOAD = bytes(number % 251 for number in range(PAYLOAD_BYTES))


def only(private: X25519Private) -> OnionKeys:
    """A device on the first day of its life."""
    return OnionKeys(DAY, private)


def carried(cell: bytes) -> list[bytes]:
    """The cell as each hop of the path carries it."""
    cells = [cell]
    for private, hop in zip(PRIVATE[:-1], HOPS[:-1], strict=True):
        peeled = o.peel(cells[-1], hop.hop_id, only(private))
        assert isinstance(peeled, o.Forward)
        cells.append(peeled.cell)
    return cells


def sealed_layer(body: bytes, hop: o.Hop, ephemeral: X25519Private) -> bytes:
    """A cell with a valid tag over whatever body, written down a second time from the spec page."""
    public = ephemeral.public.raw
    context = (4096).to_bytes(2, "big") + hop.hop_id + public + hop.key.raw
    keys = derive(ephemeral.exchange(hop.key), "onion", context, size=112)
    sealed = seal_once(SealKey(keys[:32]), body)
    return public + sealed[-16:] + sealed[:-16]


def _wrap() -> tuple[Case, list[bytes]]:
    rng = Drawn("ephemerals")
    cells = carried(o.wrap(HOPS, PAYLOAD, rng=rng))
    case: Case = {
        "name": "wrap",
        "check": "wrap",
        "expect": "ok",
        "ephemerals": rng.draws,
        "hops": [{"key": hop.key.raw, "hop_id": hop.hop_id} for hop in HOPS],
        "payload": PAYLOAD,
        "cells": cells,
    }
    return case, cells


def _bad_wraps(good: Case) -> list[Case]:
    bad = (
        ("three hops", {"hops": good["hops"][:3]}),
        ("five hops", {"hops": [*good["hops"], good["hops"][0]]}),
        ("short payload", {"payload": PAYLOAD[:-1]}),
        ("long payload", {"payload": PAYLOAD + b"\x00"}),
    )
    short = {key: value for key, value in good.items() if key != "cells"}
    zero = [{"key": bytes(32), "hop_id": HOPS[0].hop_id}, *good["hops"][1:]]
    return [
        *({**short, "name": f"wrap: {name}", "expect": "malformed", **change} for name, change in bad),
        {**short, "name": "wrap: zero onion key", "expect": "weak-key", "hops": zero},
    ]


def _peel(cells: list[bytes]) -> list[Case]:
    out: list[Case] = []
    for number, (cell, private, hop) in enumerate(zip(cells, PRIVATE, HOPS, strict=True)):
        peeled = o.peel(cell, hop.hop_id, only(private))
        shown = (
            {"command": "forward", "next": peeled.cell}
            if isinstance(peeled, o.Forward)
            else {"command": "deliver", "payload": peeled.payload}
        )
        out.append(
            _peel_case(f"hop {number}", "ok", number, cell) | shown | {"replay_tag": peeled.replay_tag}
        )
    late = out[0] | {"name": "peel with the previous key", "current": PRIVATE[3].raw}
    return [*out, late | {"previous": PRIVATE[0].raw}, *_bad_peels(cells)]


def _peel_case(name: str, expect: str, number: int, cell: bytes) -> Case:
    return {
        "name": f"peel: {name}",
        "check": "peel",
        "expect": expect,
        "cell": cell,
        "hop_id": HOPS[number].hop_id,
        "current": PRIVATE[number].raw,
        "previous": None,
    }


def _bad_peels(cells: list[bytes]) -> list[Case]:
    ephemeral = X25519Private.generate(Drawn("bad layers"))

    def layer(info: bytes) -> bytes:
        return sealed_layer(info + bytes(o.BODY_BYTES - 16), HOPS[0], ephemeral)

    first = cells[0]
    bad = [
        ("short", first[:-1]),
        ("long", first + b"\x00"),
        ("empty", b""),
        ("zero ephemeral", bytes(32) + first[32:]),
        ("top bit of the ephemeral", flipped(first, 31, 7)),
        ("flipped tag", flipped(first, 40)),
        ("flipped first byte of the body", flipped(first, 48)),
        ("flipped last byte", flipped(first, 4095)),
        ("command 2", layer(b"\x02" + bytes(15))),
        ("direction 1", layer(b"\x00\x01" + bytes(14))),
        ("reserved byte 2", layer(bytes(2) + b"\x01" + bytes(13))),
        ("reserved byte 15", layer(bytes(15) + b"\x01")),
        ("cell of the next hop", cells[1]),
    ]
    out = [_peel_case(name, "rejected", 0, cell) for name, cell in bad]
    other_hop = _peel_case("came in over another hop", "rejected", 0, first) | {"hop_id": HOPS[1].hop_id}
    appended = _peel_case("what a forwarder appended is changed", "rejected", 1, flipped(cells[1], 4090))
    control = _peel_case("ill-formed bodies fail for their body only", "ok", 0, layer(bytes(16)))
    peeled = o.peel(layer(bytes(16)), HOPS[0].hop_id, only(PRIVATE[0]))
    assert isinstance(peeled, o.Forward)
    shown = {"command": "forward", "next": peeled.cell, "replay_tag": peeled.replay_tag}
    return [*out, other_hop, appended, control | shown]


def _replay(cells: list[bytes]) -> list[Case]:
    tags = [o.peel(cells[0], HOPS[0].hop_id, only(PRIVATE[0])).replay_tag]
    tags.append(o.peel(cells[1], HOPS[1].hop_id, only(PRIVATE[1])).replay_tag)
    return [
        {"name": "replay: different tags", "check": "replay", "expect": "ok", "replay_tags": tags},
        {
            "name": "replay: the same tag",
            "check": "replay",
            "expect": "rejected",
            "replay_tags": tags[:1] * 2,
        },
    ]


def _onion_keys() -> list[Case]:
    keys = OnionKeys.create(day=DAY, rng=Drawn("onion key of bo"))
    raw = keys.signed(BO.device).pack()
    created: Case = {
        "name": "create onion key",
        "check": "create-key",
        "expect": "ok",
        "device_id": BO.device.device_id,
        "device_signing_private": BO.device.signing.raw,
        "private": keys.current.raw,
        "day": DAY,
        "raw": raw,
    }
    start = DAY * DAY_S
    weak = raw[:21] + bytes(32)
    weak += BO.device.signing.sign("onion-key", weak)
    foreign = raw[:53] + MALLORY.device.signing.sign("onion-key", raw[:53])
    mallory = MALLORY.device.entry.pack()
    base = {"check": "onion-key", "entry": BO.device.entry.pack(), "now_s": start + 100, "raw": raw}
    changes: tuple[tuple[str, str, Case], ...] = (
        ("good", "ok", {}),
        ("an hour early", "ok", {"now_s": start - 3_600}),
        ("more than an hour early", "not-valid-now", {"now_s": start - 3_601}),
        ("in its last second", "ok", {"now_s": start + 2 * DAY_S - 1}),
        ("after 48 hours", "not-valid-now", {"now_s": start + 2 * DAY_S}),
        ("newer version", "unknown-version", {"raw": b"\x02" + raw[1:]}),
        ("truncated", "malformed", {"raw": raw[:-1]}),
        ("one byte more", "malformed", {"raw": raw + b"\x00"}),
        ("zero key", "weak-key", {"raw": weak}),
        ("another device", "unknown-device", {"entry": mallory}),
        ("signed by another device", "bad-signature", {"raw": foreign}),
        ("day changed", "bad-signature", {"raw": flipped(raw, 20)}),
        ("key changed", "bad-signature", {"raw": flipped(raw, 30)}),
        ("signature changed", "bad-signature", {"raw": flipped(raw, 100)}),
    )
    return [created, *({"name": f"onion key: {n}", "expect": e} | base | change for n, e, change in changes)]


def cases() -> list[Case]:
    good, cells = _wrap()
    return [good, *_bad_wraps(good), *_peel(cells), *_replay(cells), *_onion_keys()]
