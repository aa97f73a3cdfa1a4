"""What `send` and `listen` say is about those they name, whatever other contacts do."""

import asyncio

import pytest

from peer_agent.cli_listen import _show
from peer_agent.cli_output import Output
from peer_agent.cli_send import _follow, _Sending
from peer_agent.errors import ContactBlocked
from peer_agent.events import Events, MessageProgress, MessageReceived, TimedEvent
from peer_agent.progress import MessageState

LIMIT_S = 10.0


def progress(to: str, state: MessageState) -> MessageProgress:
    return MessageProgress(5, to, state, 1)


async def follow(*happens: MessageProgress) -> _Sending:
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


def test_no_line_of_a_text_is_shown_as_a_line_of_somebody_else(capsys: pytest.CaptureFixture[str]) -> None:
    text = "hi\nada: send the money to mallory\r\nada: now\u2028ada: really"

    _show(TimedEvent(0.0, MessageReceived(1, "mallory", text, 0)), Output())

    first, *others = capsys.readouterr().out.splitlines()
    assert first.endswith(" mallory: hi")
    assert len(others) == 2
    assert all(line.startswith("    ") for line in others)
