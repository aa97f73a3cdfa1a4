import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p.protocol import frames, to_peer
from p2p.protocol.errors import BadFrame, FrameTooLarge, ProtocolError
from p2p.protocol.fields import SDP_BYTES, parse_record, record_json
from p2p.protocol.limits import FRAME_BYTES, FRAME_STEP_BYTES
from p2p.protocol.parts import HeldReceipt
from tests.protocol import strategies
from tests.protocol.example_frames import CREDIT, ENTRY, HOP, TO_SERVER, TX
from tests.protocol.strategies import quick, thorough
from tests.protocol.vector_files import frame_text

Frame = frames.FrameToServer | frames.FrameToPeer
DIRECTIONS = [
    *(
        pytest.param(frames.parse_to_server, made, id=f"{name} to server")
        for name, made in strategies.TO_SERVER.items()
    ),
    *(
        pytest.param(frames.parse_to_peer, made, id=f"{name} to peer")
        for name, made in strategies.TO_PEER.items()
    ),
]
PARSERS = [frames.parse_to_server, frames.parse_to_peer]
any_text = st.one_of(
    *(made.map(frames.to_text) for made in [*strategies.TO_SERVER.values(), *strategies.TO_PEER.values()])
)
one_character = st.characters(max_codepoint=0x2FF) | st.just("")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def places(content: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON document."""
    yield way
    inner = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in inner:
        yield from places(value, (*way, key))


def with_value(content: Any, way: tuple[Any, ...], value: object) -> Any:
    """The document with one value replaced."""
    if not way:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[way[0]] = with_value(content[way[0]], way[1:], value)
    return copy


@pytest.mark.parametrize(("parse", "made"), DIRECTIONS)
@quick
@given(data=st.data())
def test_every_frame_comes_back_as_it_was_written(parse: Any, made: Any, data: st.DataObject) -> None:
    text = frames.to_text(data.draw(made))

    assert frames.to_text(parse(text)) == text
    assert json.loads(text)["type"] == parse(text).TYPE.value


@pytest.mark.parametrize(("parse", "made"), DIRECTIONS)
@quick
@given(data=st.data())
def test_a_frame_with_a_value_of_a_foreign_type_is_refused(
    parse: Any, made: Any, data: st.DataObject
) -> None:
    content = json.loads(frames.to_text(data.draw(made)))
    way = data.draw(st.sampled_from([way for way in places(content) if way != ("pad",)]))

    # Neither a fraction nor a strange object is a value anywhere in the protocol.
    for value in (1.5, {"ada": "bo"}, "\N{BLACK SUN WITH RAYS}"):
        with pytest.raises(ProtocolError):
            parse(frame_text(with_value(content, way, value)))


@pytest.mark.parametrize(("parse", "made"), DIRECTIONS)
@quick
@given(data=st.data())
def test_a_frame_with_a_key_too_many_or_too_few_is_refused(
    parse: Any, made: Any, data: st.DataObject
) -> None:
    content = json.loads(frames.to_text(data.draw(made)))
    way = data.draw(st.sampled_from([way for way in places(content) if isinstance(at(content, way), dict)]))
    record = at(content, way)
    lost = data.draw(st.sampled_from(list(record)))

    for changed in ({**record, "role": 1}, {key: record[key] for key in record if key != lost}):
        with pytest.raises(BadFrame):
            parse(frame_text(with_value(content, way, changed)))


def at(content: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        content = content[step]
    return content


@pytest.mark.parametrize("parse", PARSERS)
@quick
@given(text=any_text, place=st.integers(0, 10_000), new=one_character)
def test_a_text_with_one_character_changed_is_refused_or_means_what_it_says(
    parse: Any, text: str, place: int, new: str
) -> None:
    check_one_character_changed(parse, text, place % len(text), new)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("parse", PARSERS)
@thorough
@given(text=any_text, place=st.integers(0, 10_000), new=one_character)
def test_no_single_changed_character_is_misread(parse: Any, text: str, place: int, new: str) -> None:
    check_one_character_changed(parse, text, place % len(text), new)


def check_one_character_changed(parse: Any, text: str, place: int, new: str) -> None:
    changed = text[:place] + new + text[place + 1 :]
    try:
        frame = parse(changed)
    except ProtocolError:
        return
    assert json.loads(frames.to_text(frame)) == json.loads(changed)


@pytest.mark.parametrize("parse", PARSERS)
@quick
@given(text=st.text() | JSON_VALUES.map(json.dumps))
def test_text_that_is_no_frame_is_refused(parse: Any, text: str) -> None:
    with pytest.raises(BadFrame):
        parse(text)


@quick
@given(strategies.TO_SERVER["hello"] | strategies.TO_PEER["ready_to_receive"] | strategies.TO_PEER["guard"])
def test_every_order_and_every_hello_has_one_size(frame: frames.FrameToPeer | frames.FrameToServer) -> None:
    assert len(frames.to_text(frame)) == FRAME_STEP_BYTES


def test_hello_with_all_its_links_has_that_size_too() -> None:
    frame = TO_SERVER["hello, as many links as allowed"]

    assert len(frames.to_text(frame)) == FRAME_STEP_BYTES


@quick
@given(strategies.TO_SERVER["ice_client"] | strategies.TO_PEER["snapshot"])
def test_a_padded_frame_is_as_short_as_whole_steps_allow(
    frame: frames.FrameToPeer | frames.FrameToServer,
) -> None:
    text = frames.to_text(frame)

    assert len(text) % FRAME_STEP_BYTES == 0
    assert len(json.loads(text)["pad"]) < FRAME_STEP_BYTES


def test_what_fits_in_place_of_padding_does_not_change_the_size() -> None:
    bare = to_peer.Snapshot((HOP,), (), (), ())
    held = HeldReceipt(TX, (ENTRY,), None)
    cost = len(json.dumps(record_json(held), separators=(",", ":"))) + 1
    fitting = frames.spare_bytes(bare) // cost

    sizes = [
        len(frames.to_text(replace(bare, receipts=(held,) * count))) for count in (1, fitting, fitting + 2)
    ]

    assert sizes == [FRAME_STEP_BYTES, FRAME_STEP_BYTES, 2 * FRAME_STEP_BYTES]


@pytest.mark.parametrize("sign", ["a", '"', "\\", "\r", "\n"])
def test_the_longest_description_fits_an_order(sign: str) -> None:
    sdp = sign * (SDP_BYTES // (len(json.dumps(sign)) - 2))
    offer = frames.parse_to_server(json.dumps({"type": "offer", "id": "A" * 11, "sdp": sdp}))
    order = {"hop": "A" * 11, "link": "A" * 22, "how": "answer", "sdp": sdp, "offer": None}
    filler = {"hop": "A" * 11, "link": "A" * 22, "how": "taken", "sdp": None, "offer": "A" * 11}
    parsed = parse_record(to_peer.Guard, {"ticket": "A" * 682, "in": order, "out": filler})

    assert offer is not None
    assert len(frames.to_text(parsed)) == FRAME_STEP_BYTES


def test_a_frame_over_the_limit_is_never_written() -> None:
    receipts = (HeldReceipt(TX, (ENTRY,) * 64, CREDIT),) * 20

    with pytest.raises(FrameTooLarge):
        frames.to_text(to_peer.Snapshot((), (), receipts, ()))


@quick
@given(st.text(max_size=40))
def test_a_long_text_is_refused_before_it_is_read(text: str) -> None:
    for parse in PARSERS:
        with pytest.raises(FrameTooLarge):
            parse(text.ljust(FRAME_BYTES + 1))


@quick
@given(any_text.filter(lambda text: '":"' in text), st.sampled_from(PARSERS))
def test_a_refusal_never_repeats_what_came(text: str, parse: Any) -> None:
    secret = "mallory" * 9

    with pytest.raises(ProtocolError) as refused:
        parse(text.replace('":"', f'":"{secret}'))

    assert secret not in str(refused.value)
