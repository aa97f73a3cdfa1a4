from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer_agent.crypto import errors
from peer_agent.crypto import messages as m
from peer_agent.crypto.receipts import ReceiptKey

from .cases.messages import SEEN, TOKEN, fields_of, message
from .people import ADA, NOW_MS
from .vector_files import Case, flipped, load, plain, verdict

CONTENTS: dict[int, Callable[[dict[str, Any]], m.Content]] = {
    1: lambda fields: m.Text(fields["text"]),
    2: lambda fields: m.ContactRequest(*_introduction(fields), fields["greeting"]),
    3: lambda fields: m.ContactAccept(*_introduction(fields)),
    4: lambda fields: m.SessionReset(),
    5: lambda fields: m.DirectAsk(bytes.fromhex(fields["part"])),
    6: lambda fields: m.DirectAccept(bytes.fromhex(fields["part"]), bytes.fromhex(fields["answered"])),
    7: lambda fields: m.DirectEnd(),
}


def _introduction(fields: dict[str, Any]) -> tuple[bytes, m.DeliveryToken]:
    return bytes.fromhex(fields["chain"]), m.DeliveryToken(bytes.fromhex(fields["token"]))


def _unknown(fields: dict[str, Any]) -> m.UnknownKind:
    return m.UnknownKind(fields["kind"], bytes.fromhex(fields["body"]))


def _made(fields: dict[str, Any]) -> m.Message:
    return m.Message(
        m.MessageId(bytes.fromhex(fields["message_id"])),
        fields["sent_ms"],
        CONTENTS.get(fields["kind"], _unknown)(fields),
        ReceiptKey(bytes.fromhex(fields["receipt_key"])),
        tuple(m.MessageId(bytes.fromhex(each)) for each in fields["seen"]),
    )


def _message(case: Case) -> None:
    parsed = m.Message.unpack(bytes.fromhex(case["plaintext"]))

    assert plain(fields_of(parsed)) == case["fields"]
    assert parsed == _made(case["fields"])
    assert parsed.pack().hex() == case["plaintext"]


def _pack(case: Case) -> None:
    _made(case["fields"]).pack()


CHECKS: dict[str, Callable[[Case], None]] = {"message": _message, "pack": _pack}


@pytest.mark.parametrize("case", load("messages"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=500), st.integers(0, 8))
def test_any_text_comes_back_and_fills_whole_steps(text: str, seen: int) -> None:
    made = message(m.Text(text), SEEN[:seen])

    packed = made.pack()

    assert m.Message.unpack(packed) == made
    assert len(packed) % 256 == 0


@given(st.binary(max_size=600))
def test_what_parses_packs_to_the_same_bytes(raw: bytes) -> None:
    try:
        parsed = m.Message.unpack(raw)
    except errors.CryptoError:
        return
    assert parsed.pack() == raw


@given(st.integers(0, 255), st.integers(0, 255))
def test_one_changed_byte_parses_to_itself_or_not_at_all(at: int, value: int) -> None:
    good = message(m.Text("hello"), SEEN[:2]).pack()
    changed = good[:at] + bytes([value]) + good[at + 1 :]

    try:
        parsed = m.Message.unpack(changed)
    except errors.CryptoError:
        return
    assert parsed.pack() == changed


def test_every_truncation_is_refused() -> None:
    good = message(m.ContactRequest(ADA.chain, TOKEN, "hi")).pack()

    for size in range(len(good)):
        with pytest.raises(errors.Malformed):
            m.Message.unpack(good[:size])


def test_new_messages_have_own_ids_and_receipt_keys() -> None:
    one, other = (m.create_message(m.Text("hi"), now_ms=NOW_MS) for _ in range(2))

    assert one.message_id != other.message_id
    assert one.message_id[6] >> 4 == 4
    assert one.receipt_key != other.receipt_key


def test_a_message_for_another_device_keeps_its_id_only() -> None:
    one = m.create_message(m.Text("hi"), now_ms=NOW_MS)

    other = m.renew_message(one)

    assert (other.message_id, other.content) == (one.message_id, one.content)
    assert other.receipt_key != one.receipt_key


def test_only_the_last_eight_seen_ids_are_sent() -> None:
    made = m.create_message(m.Text("hi"), now_ms=NOW_MS, seen=SEEN)

    assert made.seen == SEEN[1:]


def test_what_is_too_long_can_not_be_sent() -> None:
    with pytest.raises(errors.Malformed):
        message(m.Text("ž" * (m.MAX_BODY_BYTES // 2) + "a")).pack()
    with pytest.raises(errors.Malformed):
        message(m.UnknownKind(99, bytes(m.MAX_BODY_BYTES + 1))).pack()


def test_half_a_surrogate_pair_can_not_be_sent() -> None:
    with pytest.raises(errors.Malformed):
        message(m.Text("\ud83e")).pack()


def test_messages_do_not_show_what_they_say() -> None:
    shown = repr(message(m.ContactRequest(ADA.chain, TOKEN, "a secret")))

    assert "secret" not in shown
    assert repr(TOKEN) not in shown


def test_flipped_padding_is_refused() -> None:
    good = message(m.Text("hello")).pack()

    for at in range(63 + 5, 256):
        with pytest.raises(errors.Malformed):
            m.Message.unpack(flipped(good, at))
