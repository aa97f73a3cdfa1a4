from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer_agent.crypto import errors
from peer_agent.crypto.primitives import SealKey, X25519Private, X25519Public, derive, unseal
from peer_agent.crypto.ratchet import MAX_KEPT_KEYS, MAX_SKIP, ChainKey, Ratchet, SessionId

from .cases.ratchet import PREKEY, SECRET, SESSION_ID, TRANSCRIPT, pair
from .vector_files import Case, Given, flipped, load, verdict


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _conversation(case: Case) -> None:
    start = (
        SessionId(_bytes(case, "session_id")),
        _bytes(case, "transcript"),
        ChainKey(_bytes(case, "secret")),
    )
    prekey = X25519Private(_bytes(case, "prekey"))
    sides = {
        "initiator": Ratchet.begin(*start, prekey.public, Given(case["initiator_draws"])),
        "responder": Ratchet.accept(*start, prekey),
    }
    for number, step in enumerate(case["steps"]):
        play = partial(_encrypt if step["do"] == "encrypt" else _decrypt, sides)
        assert verdict(play, step) == step["expect"], number


def _encrypt(sides: dict[str, Ratchet], step: Case) -> None:
    after, made = sides[step["by"]].encrypt(_bytes(step, "plaintext"), Given(step.get("draws", [])))
    sides[step["by"]] = after
    assert made.hex() == step["message"]


def _decrypt(sides: dict[str, Ratchet], step: Case) -> None:
    after, opened = sides[step["by"]].decrypt(_bytes(step, "message"), Given(step["draws"]))
    sides[step["by"]] = after
    assert opened.hex() == step["plaintext"]


def _root(case: Case) -> None:
    shared = X25519Private(_bytes(case, "own")).exchange(X25519Public(_bytes(case, "peer")))
    out = derive(shared, "ratchet-root", size=64, chained=_bytes(case, "root"))
    assert (out[:32].hex(), out[32:].hex()) == (case["next"], case["chain"])


def _chain(case: Case) -> None:
    out = derive(b"\x01", "ratchet-chain", size=64, chained=_bytes(case, "chain"))
    assert (out[:32].hex(), out[32:].hex()) == (case["next"], case["key"])
    assert unseal(SealKey(out[32:]), _bytes(case, "sealed"), b"") == _bytes(case, "plaintext")


def _state(case: Case) -> None:
    assert Ratchet.unpack(_bytes(case, "raw")).pack().hex() == case["raw"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "conversation": _conversation,
    "root": _root,
    "chain": _chain,
    "state": _state,
}


@pytest.mark.parametrize("case", load("ratchet"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_no_flipped_bit_of_a_message_passes() -> None:
    initiator, responder = pair()
    _, message = initiator.encrypt(b"text")

    for at in range(len(message)):
        with pytest.raises(errors.CryptoError):
            responder.decrypt(flipped(message, at, at % 8))
    assert responder.decrypt(message)[1] == b"text"


def test_no_truncated_message_passes() -> None:
    initiator, responder = pair()
    _, message = initiator.encrypt(b"text")

    for size in range(len(message)):
        with pytest.raises(errors.CryptoError):
            responder.decrypt(message[:size])


def test_another_transcript_opens_nothing() -> None:
    initiator, _ = pair()
    other = Ratchet.accept(SESSION_ID, bytes(32), SECRET, PREKEY)

    with pytest.raises(errors.NotOpened):
        other.decrypt(initiator.encrypt(b"text")[1])


def test_most_messages_that_may_be_skipped_still_open() -> None:
    initiator, responder = pair()
    messages = []
    for _ in range(MAX_SKIP + 2):
        initiator, message = initiator.encrypt(b"text")
        messages.append(message)

    with pytest.raises(errors.TooFarAhead):
        responder.decrypt(messages[MAX_SKIP + 1])
    responder, _ = responder.decrypt(messages[MAX_SKIP])
    assert responder.decrypt(messages[0])[1] == b"text"


def test_oldest_skipped_keys_go_first() -> None:
    initiator, responder = pair()
    messages = []
    for _ in range(3 * MAX_SKIP):
        initiator, message = initiator.encrypt(b"text")
        messages.append(message)

    for at in (900, 1800, 2700):
        responder, _ = responder.decrypt(messages[at])

    assert len(responder.skipped) == MAX_KEPT_KEYS
    with pytest.raises(errors.Replayed):
        responder.decrypt(messages[0])
    assert responder.decrypt(messages[899])[1] == b"text"
    assert Ratchet.unpack(responder.pack()) == responder


def test_a_full_chain_takes_no_more() -> None:
    initiator, _ = pair()
    object.__setattr__(initiator, "sent", 2**32 - 1)

    assert not initiator.may_send
    with pytest.raises(errors.NotReady):
        initiator.encrypt(b"text")


def test_of_20_encryptions_from_one_state_only_one_opens() -> None:
    initiator, responder = pair()
    messages = [initiator.encrypt(b"%d" % number)[1] for number in range(20)]

    responder, first = responder.decrypt(messages[0])

    assert first == b"0"
    assert len({message[57:69] for message in messages}) == 20
    for message in messages[1:]:
        with pytest.raises(errors.Replayed):
            responder.decrypt(message)


def test_20_encryptions_in_a_row_open_in_any_order() -> None:
    initiator, responder = pair()
    messages = []
    for number in range(20):
        initiator, message = initiator.encrypt(b"%d" % number)
        messages.append(message)

    opened = set()
    for message in reversed(messages):
        responder, plaintext = responder.decrypt(message)
        opened.add(plaintext)

    assert opened == {b"%d" % number for number in range(20)}


def test_states_do_not_show_keys() -> None:
    initiator, _ = pair()

    assert initiator.root.hex() not in repr(initiator)
    assert repr(initiator.root) not in repr(initiator)
    assert TRANSCRIPT.hex() not in repr(initiator)


@given(st.data())
@settings(max_examples=60)
def test_every_delivered_message_opens_once_whatever_the_traffic(data: st.DataObject) -> None:
    sides = list(pair())
    waiting: list[list[tuple[bytes, bytes]]] = [[], []]
    used: list[tuple[int, bytes]] = []
    for number in range(40):
        side = data.draw(st.integers(0, 1))
        action = data.draw(st.sampled_from(["send", "send", "take", "lose", "again", "restart"]))
        if action == "send" and sides[side].may_send:
            text = b"%d" % number
            sides[side], message = sides[side].encrypt(text)
            waiting[1 - side].append((message, text))
        elif action == "take" and waiting[side]:
            message, text = waiting[side].pop(data.draw(st.integers(0, len(waiting[side]) - 1)))
            sides[side], plaintext = sides[side].decrypt(message)
            used.append((side, message))
            assert plaintext == text
        elif action == "lose" and waiting[side]:
            waiting[side].pop()
        elif action == "again" and used:
            whose, message = data.draw(st.sampled_from(used))
            # In a chain that was left behind a repeat can not be told from a forgery.
            with pytest.raises((errors.Replayed, errors.NotOpened)):
                sides[whose].decrypt(message)
        elif action == "restart":
            sides[side] = Ratchet.unpack(sides[side].pack())


@given(st.integers(1, 6), st.integers(0, 5))
def test_a_receiver_set_back_to_an_older_state_opens_again_what_came_since(count: int, lost: int) -> None:
    initiator, responder = pair()
    initiator, message = initiator.encrypt(b"first")
    older, _ = responder.decrypt(message)
    newer, messages = older, []
    for number in range(count):
        initiator, message = initiator.encrypt(b"%d" % number)
        messages.append(message)
        newer, _ = newer.decrypt(message)

    for number, message in list(enumerate(messages))[lost:]:
        older, plaintext = older.decrypt(message)
        assert plaintext == b"%d" % number


def test_a_sender_set_back_to_an_older_state_never_repeats_a_nonce() -> None:
    initiator, _ = pair()
    stored = initiator.pack()

    _, one = initiator.encrypt(b"one")
    _, other = Ratchet.unpack(stored).encrypt(b"other")

    assert one[16:57] == other[16:57]
    assert one[57:69] != other[57:69]
