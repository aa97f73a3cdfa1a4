"""Vectors of docs/spec/messages.md."""

from typing import Any

from peer_agent.crypto import messages as m
from peer_agent.crypto.receipts import ReceiptKey

from ..people import ADA, BO, NOW_MS
from ..vector_files import Case, Drawn, flipped

_RNG = Drawn("messages")
TOKEN = m.DeliveryToken(_RNG(32))
PART, OTHER_PART = Drawn("part")(32), Drawn("other part")(32)
SEEN = tuple(m.MessageId(_RNG(16)) for _ in range(9))


def message(content: m.Content, seen: tuple[m.MessageId, ...] = ()) -> m.Message:
    return m.create_message(content, now_ms=NOW_MS, seen=seen, rng=Drawn("one message"))


def fields_of(made: m.Message) -> dict[str, Any]:
    """A message as a vector shows it."""
    shown: dict[str, Any] = {
        "kind": int(made.content.kind),
        "message_id": made.message_id,
        "sent_ms": made.sent_ms,
        "receipt_key": made.receipt_key,
        "seen": list(made.seen),
    }
    names = [name for name in made.content.__dataclass_fields__ if name != "kind"]
    return shown | {name: getattr(made.content, name) for name in names}


def _good() -> list[Case]:
    contents: list[tuple[str, m.Content, int]] = [
        ("text", m.Text("Labas, bo! 🦢"), 0),
        ("text with eight seen ids", m.Text("hello"), 8),
        ("longest text", m.Text("a" * m.MAX_BODY_BYTES), 8),
        ("text that just fits one step", m.Text("a" * (256 - 63)), 0),
        ("text that just does not", m.Text("a" * (256 - 62)), 0),
        ("contact request", m.ContactRequest(ADA.chain, TOKEN, "Hello, it is ada."), 0),
        ("contact request without a greeting", m.ContactRequest(ADA.chain, TOKEN), 0),
        ("contact request with the longest greeting", m.ContactRequest(ADA.chain, TOKEN, "🦢" * 500), 0),
        ("contact accept", m.ContactAccept(BO.chain, TOKEN), 1),
        ("session reset", m.SessionReset(), 0),
        ("direct ask", m.DirectAsk(PART), 1),
        ("direct accept", m.DirectAccept(OTHER_PART, PART), 1),
        ("direct end", m.DirectEnd(), 8),
        ("kind of a newer version", m.UnknownKind(200, b"something new"), 0),
        ("kind 0", m.UnknownKind(0, b""), 0),
    ]
    out = []
    for name, content, seen in contents:
        made = message(content, SEEN[:seen])
        case = {"name": name, "check": "message", "expect": "ok", "fields": fields_of(made)}
        out.append(case | {"plaintext": made.pack()})
    return out


def _raw(kind: int, body: bytes, seen: int = 0, length: int | None = None) -> bytes:
    """A message with correct padding and whatever inside."""
    start = message(m.Text("x")).pack()[:58]
    size = (len(body) if length is None else length).to_bytes(4, "big")
    whole = start[:1] + bytes([kind]) + start[2:] + bytes([seen]) + b"".join(SEEN[:seen]) + size + body
    return whole + bytes(-len(whole) % 256)


def _bad() -> list[Case]:
    good = message(m.Text("hello")).pack()
    request = m.ContactRequest(ADA.chain, TOKEN, "hi").pack()
    accept = m.ContactAccept(ADA.chain, TOKEN).pack()
    long = accept + (501).to_bytes(2, "big") + b"a" * 501
    bad = [
        ("newer version", "unknown-version", b"\x02" + good[1:]),
        ("empty", "malformed", b""),
        ("truncated in the head", "malformed", good[:40]),
        ("truncated in the padding", "malformed", good[:-1]),
        ("one byte more", "malformed", good + b"\x00"),
        ("a step of padding too much", "malformed", good + bytes(256)),
        ("padding that is not zero", "malformed", flipped(good, 255)),
        ("nine seen ids", "malformed", _raw(1, b"hello", seen=9)),
        ("seen ids beyond the end", "malformed", good[:58] + b"\xff" + good[59:]),
        ("body beyond the end", "malformed", _raw(1, b"hello", length=250)),
        ("huge body length", "malformed", _raw(1, b"hello", length=2**32 - 1)),
        ("body over 64 KiB", "malformed", _raw(1, b"a" * (m.MAX_BODY_BYTES + 1))),
        ("empty text", "malformed", _raw(1, b"")),
        ("text that is not UTF-8", "malformed", _raw(1, b"\xc3(")),
        ("text with a surrogate", "malformed", _raw(1, b"\xed\xa0\x80")),
        ("session reset with a body", "malformed", _raw(4, b"x")),
        ("direct ask cut short", "malformed", _raw(5, PART[:-1])),
        ("direct ask with a byte more", "malformed", _raw(5, PART + b"\x00")),
        ("direct accept without the part it answers", "malformed", _raw(6, PART)),
        ("direct accept with a byte more", "malformed", _raw(6, PART + OTHER_PART + b"\x00")),
        ("direct end with a body", "malformed", _raw(7, b"x")),
        ("contact request with a byte more", "malformed", _raw(2, request + b"\x00")),
        ("contact request cut short", "malformed", _raw(2, request[:-1])),
        ("contact request with a long greeting", "malformed", _raw(2, long)),
        ("contact request without a token", "malformed", _raw(2, request[:300])),
        ("greeting that is not UTF-8", "malformed", _raw(2, request[:-2] + b"\xff\xff")),
        ("contact accept with a byte more", "malformed", _raw(3, accept + b"\x00")),
        ("contact accept cut short", "malformed", _raw(3, accept[:-1])),
    ]
    return [{"name": n, "check": "message", "expect": e, "plaintext": raw} for n, e, raw in bad]


def _not_packable() -> list[Case]:
    bad: list[tuple[str, m.Message]] = [
        ("empty text", message(m.Text(""))),
        ("greeting of 501", message(m.ContactRequest(ADA.chain, TOKEN, "a" * 501))),
        ("short token", message(m.ContactAccept(ADA.chain, m.DeliveryToken(b"short")))),
        ("short part", message(m.DirectAsk(b"short"))),
        ("short answered part", message(m.DirectAccept(PART, b"short"))),
        ("nine seen ids", m.Message(SEEN[0], NOW_MS, m.Text("hi"), ReceiptKey(TOKEN), SEEN)),
        ("short message id", m.Message(m.MessageId(b"1"), NOW_MS, m.Text("hi"), ReceiptKey(TOKEN))),
        ("short receipt key", m.Message(SEEN[0], NOW_MS, m.Text("hi"), ReceiptKey(b"1"))),
    ]
    return [
        {"name": f"pack {name}", "check": "pack", "expect": "malformed", "fields": fields_of(made)}
        for name, made in bad
    ]


def cases() -> list[Case]:
    return [*_good(), *_bad(), *_not_packable()]
