"""The frames that the bare server sends: as long as Mesa's, and with as much in them as light peers read.

A device is a number. A link and a hop say in their names who is to hear of them, so nothing is looked up.
"""

import json
import random
import secrets
from collections.abc import Iterator
from typing import Any, Final

from p2p.protocol.limits import FRAME_STEP_BYTES, HOPS

# How many of a path's links have to be opened, as long as Mesa's frames are. docs/how-to/measure.md has the
# count that they come from.
NEW_LINKS: Final = 1.75
PATH_READY_BYTES: Final = 546
TICKETS: Final = 2
TICKET_BYTES: Final = 72

Frame = tuple[int, str]


def path_frames(tx: str, sender: int, devices: int) -> Iterator[Frame]:
    """Write what the five peers of a path are sent: an order each, and its hops to the sender."""
    drawn = random.sample(range(1, devices + 1), HOPS + 1)
    peers = [sender, *[device for device in drawn if device != sender][:HOPS]]
    before = _order("open", "")
    for number, peer in enumerate(peers):
        is_new = number < HOPS and random.random() < NEW_LINKS / HOPS
        link = f"{peer}-{secrets.token_urlsafe(14)}"
        after = _order("taken" if is_new else "open", link)
        yield peer, _filled(FRAME_STEP_BYTES, type="ready_to_receive", **{"in": before, "out": after})
        before = _order("answer" if is_new else "open", link)
    hops = [secrets.token_urlsafe(16) for _ in range(HOPS - 1)]
    yield sender, _filled(PATH_READY_BYTES, type="path_ready", tx=tx, hops=[*hops, f"{sender}/{tx}"])


def greeting() -> Iterator[str]:
    """Write the answers to `hello`: tickets, which are posted with each transaction, and a snapshot."""
    for _ in range(TICKETS):
        filler, ticket = _order("open", ""), secrets.token_urlsafe(TICKET_BYTES)
        yield _filled(FRAME_STEP_BYTES, type="guard", ticket=ticket, **{"in": filler, "out": filler})
    yield snapshot()


def snapshot() -> str:
    """Write the answer to a refresh."""
    return _filled(FRAME_STEP_BYTES, type="snapshot")


def receipt(frame: dict[str, Any]) -> Frame:
    """Pass a receipt on to the sender whom its hop names."""
    sender, _, tx = frame["hop"].partition("/")
    named = {"type": "receipt", "tx": tx, "entries": frame["entries"], "credit": frame["credit"]}
    return int(sender), _text(named)


def answer(frame: dict[str, Any]) -> Frame:
    """Pass an answer on to the other end of its link."""
    return int(frame["link"].partition("-")[0]), _text(frame)


def ended(tx: str) -> str:
    return _text({"type": "transaction_ended", "tx": tx, "state": "completed", "cause": None})


def _order(how: str, link: str) -> dict[str, str | None]:
    offer = secrets.token_urlsafe(8) if how == "taken" else None
    sdp = "v" if how == "answer" else None
    return {"hop": secrets.token_urlsafe(16), "link": link, "how": how, "sdp": sdp, "offer": offer}


def _filled(size_bytes: int, **frame: Any) -> str:
    text = _text(frame | {"pad": ""})
    return text[:-2] + "0" * (size_bytes - len(text)) + '"}'


def _text(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))
