"""Frames with errors of every sort: refused, or read as what they say; nothing crashes."""

import json
import re
from collections.abc import Callable

from p2p.protocol import frames
from p2p.protocol.errors import ProtocolError
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzzing import edited, picked
from tests.protocol.example_frames import TO_PEER, TO_SERVER

Parse = Callable[[str], frames.FrameToServer | frames.FrameToPeer]

PARSERS: dict[str, Parse] = {"to_server": frames.parse_to_server, "to_peer": frames.parse_to_peer}
# What readers of JSON disagree about, or take for something else.
ODD = (
    *("1.0", "-0", "1e1", "01", "NaN", "1E400", "true", "null", '""', "[]", "{}", "9" * 30),
    *(" ", "\\u0000", "\\ud800", "\u2028", "\ufeff", ",", "]", "}"),
)


GOOD = {
    "to_server": [frames.to_text(frame) for frame in TO_SERVER.values()],
    "to_peer": [frames.to_text(frame) for frame in TO_PEER.values()],
}


def spoilt(direction: str, drawn: bytes) -> str:
    """A good frame with something wrong: other characters, or something odd in the place of a value."""
    text = picked(GOOD[direction], drawn)
    # The end of a padded frame is nothing but padding.
    body, padding = text[:2_000], text[2_000:]
    if drawn[1] % 8 == 0:
        # The first key twice, both times with the same value.
        first = re.match(r'{("[a-z_]+":"[^"]*")', text)
        assert first is not None
        return f"{{{first[1]},{text[1:]}"
    if drawn[1] % 2:
        odd, at = ODD[drawn[1] // 2 % len(ODD)], int.from_bytes(drawn[2:4], "big") % len(body)
        end = at + len(drawn) - 4
        return body[:at] + odd + body[end:] + padding
    return edited(body.encode(), bytes([drawn[0], drawn[1] // 2, *drawn[2:]])).decode("latin-1") + padding


def as_pairs(text: str) -> object:
    """A document in which a key that stands twice is there twice, and the order of keys means nothing."""
    return json.loads(text, object_pairs_hook=lambda pairs: sorted(pairs, key=repr))


def check(direction: str) -> Callable[[bytes], None]:
    parse = PARSERS[direction]

    def refused_or_read_as_it_stands(drawn: bytes) -> None:
        text = spoilt(direction, drawn)
        try:
            frame = parse(text)
        except ProtocolError:
            return
        again = frames.to_text(frame)
        assert as_pairs(again) == as_pairs(text)
        assert frames.to_text(parse(again)) == again

    return refused_or_read_as_it_stands


# Ten thousand together in the short tier.
CASES = {direction: Fuzz(check(direction), 5_000) for direction in PARSERS}


@fuzzed(CASES)
def test_frame_with_an_error_is_refused_or_read_as_it_stands(case: Fuzz) -> None:
    case.run()


def test_some_of_the_spoilt_frames_are_still_frames() -> None:
    """Else the tests above would show nothing of what parses."""
    parsed = 0
    for first in range(256):
        for second in (0, 1, 9, 10):
            text = spoilt("to_server", bytes([first, second, 0, first, 32]))
            try:
                frames.parse_to_server(text)
            except ProtocolError:
                continue
            parsed += 1
    assert parsed > 0
