"""Frames of the session socket as text, and back: the closed set, strictly parsed.

Frames themselves are in `to_server` and `to_peer`, their parts in `parts`, their words in `words`.
Spec: docs/spec/signaling.md
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from p2p.protocol import to_peer, to_server
from p2p.protocol.errors import BadFrame, FrameTooLarge
from p2p.protocol.fields import parse_record, record_json
from p2p.protocol.limits import FRAME_BYTES, ORDER_FRAME_BYTES
from p2p.protocol.parts import Order

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
)
FrameToPeer = (
    to_peer.Welcome
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
)
TO_SERVER: dict[str, type[FrameToServer]] = {kind.TYPE.value: kind for kind in FrameToServer.__args__}
TO_PEER: dict[str, type[FrameToPeer]] = {kind.TYPE.value: kind for kind in FrameToPeer.__args__}
_PADDED = (to_peer.Guard, to_peer.ReadyToReceive)

T = TypeVar("T")


def parse_to_server(text: str) -> FrameToServer:
    """Read one frame from a peer.

    Raises:
        FrameTooLarge: the text is over the limit.
        BadFrame: not exactly one frame of the closed set.
    """
    return _parse(text, TO_SERVER)


def parse_to_peer(text: str) -> FrameToPeer:
    """Read one frame from the server.

    Raises:
        FrameTooLarge: the text is over the limit.
        BadFrame: not exactly one frame of the closed set, or an order that is not in its one padded form.
    """
    frame = _parse(text, TO_PEER)
    if isinstance(frame, _PADDED) and (len(text) != ORDER_FRAME_BYTES or _dump(frame) != text):
        raise BadFrame("an order does not have its fixed size and form")
    return frame


def to_text(frame: FrameToServer | FrameToPeer) -> str:
    """Write a frame as canonical JSON; orders are padded to their one size.

    Raises:
        FrameTooLarge: an order does not fit its fixed size, or the text is over the limit.
    """
    if isinstance(frame, _PADDED):
        bare = len(_dump(replace(frame, pad="")))
        if bare > ORDER_FRAME_BYTES:
            raise FrameTooLarge("an order does not fit its size")
        frame = replace(frame, pad="0" * (ORDER_FRAME_BYTES - bare))
    text = _dump(frame)
    if len(text) > FRAME_BYTES:  # the text is ASCII
        raise FrameTooLarge("a frame is over the limit")
    return text


def ready_to_receive(*, incoming: Order, outgoing: Order) -> to_peer.ReadyToReceive:
    """Order a peer to be ready for two hops; `to_text` fills the padding."""
    return to_peer.ReadyToReceive(in_=incoming, out=outgoing, pad="")


def _dump(frame: FrameToServer | FrameToPeer) -> str:
    return json.dumps({"type": frame.TYPE.value, **record_json(frame)}, separators=(",", ":"))


def _parse(text: str, kinds: Mapping[str, type[T]]) -> T:
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
    kind = content.pop("type", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise BadFrame("a frame is of no known type")
    return parse_record(kinds[kind], content)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadFrame("an object has a key twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise BadFrame("a number is not a whole number")
