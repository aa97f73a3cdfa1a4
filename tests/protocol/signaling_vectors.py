"""Cases of docs/spec/vectors/signaling.json: good frames, and at least one refused frame for every rule."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from p2p.protocol import frames
from p2p.protocol.limits import FRAME_BYTES, FRAME_STEP_BYTES
from tests.protocol.example_frames import TO_PEER, TO_SERVER
from tests.protocol.refused_frames import DROP, TO_PEER_CHANGES, TO_SERVER_CHANGES, TO_SERVER_TEXTS, Change
from tests.protocol.vector_files import Case, frame_text, to_parts

SECRET = "40-characters-of-an-operators-own-secret"
TURN_LOGINS = [
    (
        "at a full step",
        SECRET,
        1_761_998_400,
        "000102030405060708090a0b",
        "1762002000:AAECAwQFBgcICQoL",
        "OwrElpCBxxIfGXoWcpza9WUjbRw=",
    ),
    (
        "a second after it",
        SECRET,
        1_761_998_401,
        "ffffffffffffffffffffffff",
        "1762002600:________________",
        "1f4dG7t7nvbOZDgtfzuB9ZDuGQQ=",
    ),
    (
        "a secret that is not ASCII",
        "gė",
        1_761_999_000,
        "000000000000000000000000",
        "1762002600:AAAAAAAAAAAAAAAA",
        "99l/xhLfJs0MZN+cHuT3UmzctZw=",
    ),
]


def cases() -> Iterator[Case]:
    """Every case of the file, in order."""
    yield from (_case("to_server", name, frames.to_text(frame)) for name, frame in TO_SERVER.items())
    yield from (_case("to_peer", name, frames.to_text(frame)) for name, frame in TO_PEER.items())
    yield _case("to_server", "keys in another order, with spaces", '{ "tokens": [], "type": "watch" }')
    yield _case("to_server", "exactly the limit", '{"type":"watch","tokens":[]}'.ljust(FRAME_BYTES))
    for change in TO_SERVER_CHANGES:
        yield _case(
            "to_server", change[0], _changed(frames.to_text(TO_SERVER[change[1]]), change), "bad_frame"
        )
    for change in TO_PEER_CHANGES:
        yield _case("to_peer", change[0], _changed(frames.to_text(TO_PEER[change[1]]), change), "bad_frame")
    yield from (_case("to_server", *text) for text in TO_SERVER_TEXTS)
    for name in ("hello, resuming with links", "ice_client, stock and tickets"):
        yield from (_case("to_server", *text) for text in _padded_texts(frames.to_text(TO_SERVER[name])))
    for name in (
        "snapshot, something of each",
        "ready_to_receive, both links new",
        "guard, our offer was taken",
    ):
        yield from (_case("to_peer", *text) for text in _padded_texts(frames.to_text(TO_PEER[name])))
    yield from _turn_logins()
    yield _case(
        "to_peer", "a byte over the limit", '{"type":"mailbox"}'.ljust(FRAME_BYTES + 1), "frame_too_large"
    )


def _turn_logins() -> Iterator[Case]:
    """Written out, as `openssl dgst -sha1 -hmac` gives them: the server's own code must not be its judge."""
    for name, secret, now, random, username, credential in TURN_LOGINS:
        yield {
            "name": f"turn_login: {name}",
            "check": "turn_login",
            "expect": "ok",
            "secret": secret,
            "now": now,
            "random": random,
            "username": username,
            "credential": credential,
        }


def _case(direction: str, name: str, text: str, expect: str = "ok") -> Case:
    name = f"{direction}: {name}" if expect == "ok" else f"{direction}, refused: {name}"
    return {"name": name, "check": "frame", "direction": direction, "expect": expect, "text": to_parts(text)}


def _changed(text: str, change: Change) -> str:
    content = copy.deepcopy(json.loads(text))
    *way, last = change[2]
    target: Any = content
    for step in way:
        target = target[step]
    if change[3] is DROP:
        del target[last]
    else:
        target[last] = change[3]
    return _dump(content) if last == "pad" else frame_text(content)


def _dump(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def _padded_texts(text: str) -> Iterator[tuple[str, str, str]]:
    """A good padded frame, written otherwise."""
    content = json.loads(text)
    kind = content["type"]
    missing = content["pad"]
    changed = {
        "padding is not zeros": text.replace('00"}', '01"}'),
        "a byte longer": text.replace('"pad":"', '"pad":"0'),
        "a byte shorter": text.replace('"pad":"0', '"pad":"'),
        "a step longer": _dump({**content, "pad": missing + "0" * FRAME_STEP_BYTES}),
        "without padding": _dump({**content, "pad": ""}),
        "padded with spaces": text.replace('"pad":"00', '"pad":  "'),
        "keys in another order": _dump(dict(reversed(content.items()))),
        "written with escapes": text.replace('"pad":"00000', '"pad":"\\u0030'),
    }
    yield from ((f"{kind}, {how}", each, "bad_frame") for how, each in changed.items())
