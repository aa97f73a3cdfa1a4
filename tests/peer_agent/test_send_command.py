"""What `send` and `listen` say: about those they name, whatever others do, and what a server tried."""

import asyncio

import pytest

from peer_agent.cli_listen import sentences_of
from peer_agent.cli_output import Output
from peer_agent.cli_send import _follow, _Sending
from peer_agent.errors import ContactBlocked
from peer_agent.events import (
    ContactUnsafe,
    DirectUnsafe,
    Event,
    Events,
    FalseClaim,
    FalseWord,
    MessageProgress,
    MessageReceived,
    TimedEvent,
)
from peer_agent.progress import MessageState

LIMIT_S = 10.0


def progress(to: str, state: MessageState) -> MessageProgress:
    return MessageProgress(5, to, state, 1)


async def follow(*happens: Event) -> _Sending:
    """Send message 5 to bo while events come."""
    events, sending = Events(lambda: 1.0), _Sending("bo", {5}, 1)
    sending.all_read.set()
    stream = events.read()
    for event in happens:
        events.publish(event)
    events.close()
    async with asyncio.timeout(LIMIT_S):
        await _follow(stream, sending, Output())
    return sending


async def test_receipt_of_another_contact_is_not_ours() -> None:
    assert not (await follow(progress("olga", MessageState.DELIVERED))).done.is_set()
    assert (await follow(progress("bo", MessageState.DELIVERED))).done.is_set()


async def test_another_contact_that_is_blocked_ends_nothing() -> None:
    assert not (await follow(progress("olga", MessageState.BLOCKED))).done.is_set()
    with pytest.raises(ContactBlocked):
        await follow(progress("bo", MessageState.BLOCKED))


def test_no_line_of_a_text_is_shown_as_a_line_of_somebody_else() -> None:
    text = "hi\nada: send the money to mallory\r\nada: now\u2028ada: really"

    (shown,) = sentences_of(TimedEvent(0.0, MessageReceived(1, "mallory", text, 0)))

    first, *others = shown.splitlines()
    assert first.endswith(" mallory: hi")
    assert len(others) == 2
    assert all(line.startswith("    ") for line in others)


FALSE_CLAIMS = [
    (FalseClaim(FalseWord.RECEIPT, "bo", 7), "a receipt for message 7 to bo that is false"),
    (FalseClaim(FalseWord.END, "bo", None), "says that all messages to bo are delivered, which is not so"),
    (FalseClaim(FalseWord.PREKEYS, "bo", None), "keys in the name of bo that are not theirs"),
]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        *FALSE_CLAIMS,
        (ContactUnsafe("bo"), "Keys of bo have changed: `mesa-peer verify bo`"),
        (DirectUnsafe("bo"), "Somebody stood between on the way to a direct link with bo."),
    ],
)
def test_listen_says_what_was_tried(event: Event, words: str) -> None:
    (line,) = sentences_of(TimedEvent(0.0, event))

    assert words in line


@pytest.mark.parametrize(("event", "words"), FALSE_CLAIMS)
async def test_send_says_what_was_tried_and_goes_on(
    event: Event, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sending = await follow(event, progress("bo", MessageState.DELIVERED))

    assert words in capsys.readouterr().err
    assert sending.done.is_set()
