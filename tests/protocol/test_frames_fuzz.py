"""Frames with errors of every sort: refused, or read as what they say; nothing crashes."""

import json
from collections.abc import Callable

from p2p.protocol import frames
from p2p.protocol.errors import ProtocolError
from tests.fuzz_cases import Fuzz, fuzzed
from tests.protocol import second_frame_reader
from tests.protocol.edited_frames import edited_frame
from tests.protocol.second_frame_reader import Keys, is_frame

Parse = Callable[[str], frames.FrameToServer | frames.FrameToPeer]


def as_pairs(text: str) -> object:
    """A document in which a key that stands twice is there twice, and the order of keys means nothing."""
    return json.loads(text, object_pairs_hook=lambda pairs: sorted(pairs, key=repr))


def check(parse: Parse, kinds: dict[str, Keys]) -> Callable[[str], None]:
    def refused_or_read_as_it_stands(text: str) -> None:
        try:
            frame = parse(text)
        except ProtocolError:
            assert not is_frame(text, kinds)
            return
        assert is_frame(text, kinds)
        again = frames.to_text(frame)
        assert as_pairs(again) == as_pairs(text)
        assert frames.to_text(parse(again)) == again

    return refused_or_read_as_it_stands


CASES = {
    "to server": Fuzz(
        lambda drawn: edited_frame("to_server", drawn),
        check(frames.parse_to_server, second_frame_reader.TO_SERVER),
    ),
    "to peer": Fuzz(
        lambda drawn: edited_frame("to_peer", drawn), check(frames.parse_to_peer, second_frame_reader.TO_PEER)
    ),
}


@fuzzed(CASES)
def test_frame_with_an_error_is_refused_or_read_as_it_stands(case: Fuzz) -> None:
    case.run()
