"""Frames of the session socket as text, and back: the closed set, strictly parsed, some padded.

Frames themselves are in `to_server` and `to_peer`, their parts in `parts`, their words in `words`.
Spec: docs/spec/signaling.md
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from p2p.protocol import to_peer, to_server
from p2p.protocol.errors import BadFrame, FrameTooLarge
from p2p.protocol.fields import parse_record, record_json
from p2p.protocol.limits import FRAME_BYTES, FRAME_STEP_BYTES

FrameToServer = (
    to_server.Hello
    | to_server.IceClient
    | to_server.Offer
    | to_server.Answer
    | to_server.LinkUp
    | to_server.LinkDown
    | to_server.HopFailed
    | to_server.Receipt
    | to_server.Complete
    | to_server.Repath
    | to_server.PathKeepalive
    | to_server.Watch
    | to_server.DirectOffer
    | to_server.DirectAnswer
)
FrameToPeer = (
    to_peer.Welcome
    | to_peer.IceServers
    | to_peer.Snapshot
    | to_peer.Guard
    | to_peer.OfferWanted
    | to_peer.ReadyToReceive
    | to_peer.PathReady
    | to_server.Answer
    | to_peer.LinkDrop
    | to_peer.TransactionReceipt
    | to_peer.AttemptFailed
    | to_peer.TransactionEnded
    | to_peer.ContactOnline
    | to_peer.Mailbox
    | to_peer.Refresh
    | to_peer.SessionEnd
    | to_peer.DirectAsked
    | to_peer.DirectReady
)
TO_SERVER: dict[str, type[FrameToServer]] = {kind.TYPE.value: kind for kind in FrameToServer.__args__}
TO_PEER: dict[str, type[FrameToPeer]] = {kind.TYPE.value: kind for kind in FrameToPeer.__args__}
# How long these would be by themselves says how much a peer forwards, or where on a path it stands.
PADDED = (to_server.Hello, to_server.IceClient, to_peer.Snapshot, to_peer.Guard, to_peer.ReadyToReceive)
_END = '"}'

T = TypeVar("T", bound=FrameToServer | FrameToPeer)


def parse_to_server(text: str) -> FrameToServer:
    """Read one frame from a peer.

    Raises:
        FrameTooLarge: the text is over the limit.
        BadFrame: not exactly one frame of the closed set, or one to be padded that is not in its one form.
    """
    return _parse(text, TO_SERVER)


def parse_to_peer(text: str) -> FrameToPeer:
    """Read one frame from the server.

    Raises:
        FrameTooLarge: the text is over the limit.
        BadFrame: not exactly one frame of the closed set, or one to be padded that is not in its one form.
    """
    return _parse(text, TO_PEER)


def to_text(frame: FrameToServer | FrameToPeer) -> str:
    """Write a frame as canonical JSON, filled up to a whole step if its type is padded.

    Raises:
        FrameTooLarge: the text is over the limit.
    """
    text = _dump(frame)
    if isinstance(frame, PADDED):
        text = text.removesuffix(_END) + "0" * _missing(text) + _END
    if len(text) > FRAME_BYTES:  # the text is ASCII
        raise FrameTooLarge("a frame is over the limit")
    return text


def spare_bytes(frame: to_peer.Snapshot) -> int:
    """Count what a padded frame can still take before it grows by a step."""
    return _missing(_dump(frame))


def _missing(text: str) -> int:
    return -len(text) % FRAME_STEP_BYTES


def _dump(frame: FrameToServer | FrameToPeer) -> str:
    pad = {"pad": ""} if isinstance(frame, PADDED) else {}
    return json.dumps({"type": frame.TYPE.value, **record_json(frame), **pad}, separators=(",", ":"))


def _parse(text: str, kinds: Mapping[str, type[T]]) -> T:
    content = _object(text)
    word = content.pop("type", None)
    if not isinstance(word, str) or word not in kinds:
        raise BadFrame("a frame is of no known type")
    kind = kinds[word]
    if not issubclass(kind, PADDED):
        return parse_record(kind, content)
    content.pop("pad", None)
    frame = parse_record(kind, content)
    if to_text(frame) != text:
        raise BadFrame("a padded frame does not have its one size and form")
    return frame


def _object(text: str) -> dict[Any, Any]:
    if len(text.encode("utf-8", "surrogatepass")) > FRAME_BYTES:
        raise FrameTooLarge("a frame is over the limit")
    try:
        content: object = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_refuse, parse_float=_refuse
        )
    except (ValueError, RecursionError):
        raise BadFrame("a frame is not JSON") from None
    if not isinstance(content, dict):
        raise BadFrame("a frame is not an object")
    return content


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadFrame("an object has a key twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise BadFrame("a number is not a whole number")
