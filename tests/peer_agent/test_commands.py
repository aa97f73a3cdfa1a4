"""Lines that programs write: those of the page are taken, or refused, as it says.

Spec: docs/spec/agent.md, section "Programs"
"""

import contextlib
import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer_agent.cli_pipes import QUEUED_LINES
from peer_agent.cli_run import ASKING_AT_ONCE
from peer_agent.commands import KINDS, LINE_BYTES, MAX_HISTORY, MAX_ID_SIGNS, BadCommand, read_command
from peer_agent.events import QUEUED_EVENTS
from tests.peer_agent.command_lines import COMMANDS, SECTION, VALUES, line_of

REFUSED = re.findall(r"^\| `([{\[].*?)` \| [^|]+ \| (1|null) \|$", SECTION, re.MULTILINE)


def test_commands_and_their_keys_are_those_of_the_page() -> None:
    declared = {word: [field.name for field in dataclasses.fields(kind)] for word, kind in KINDS.items()}

    assert declared == COMMANDS


def test_numbers_are_those_of_the_page() -> None:
    for said in (
        f"more than {LINE_BYTES:,} bytes",
        f"text of 1 to {MAX_ID_SIGNS} signs",
        f"`last` is from 1 to {MAX_HISTORY:,}",
        f"at most {QUEUED_LINES} lines are read ahead",
        f"up to {ASKING_AT_ONCE} run beside",
        f"beyond {QUEUED_EVENTS:,}",
    ):
        assert said in SECTION


@pytest.mark.parametrize("word", COMMANDS)
def test_command_of_the_page_is_taken(word: str) -> None:
    command_id, command = read_command(json.dumps(line_of(word)).encode())

    assert (command_id, type(command)) == (1, KINDS[word])
    assert dataclasses.asdict(command) == {key: VALUES[key] for key in COMMANDS[word]}


def test_no_line_of_the_page_is_left_out() -> None:
    assert len(REFUSED) == SECTION.count("\n| `{") + SECTION.count("\n| `[") > 15


@pytest.mark.parametrize(("line", "answered"), REFUSED)
def test_line_of_the_page_is_refused(line: str, answered: str) -> None:
    with pytest.raises(BadCommand) as refused:
        read_command(line.encode())

    assert refused.value.command_id == json.loads(answered)


@pytest.mark.parametrize("line", [b"\xff", b" " * LINE_BYTES + b"{", b"[" * 100_000, b"1" * 10_000])
def test_line_that_is_no_text_or_too_long_or_too_deep_is_refused(line: bytes) -> None:
    with pytest.raises(BadCommand):
        read_command(line)


def test_longest_message_fits_into_a_line_however_it_is_written() -> None:
    text = "\x01" * 65_536

    _, command = read_command(json.dumps(line_of("send", text=text)).encode())

    assert command == KINDS["send"](user="bo", text=text)  # type: ignore[call-arg]  # it is that kind


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_line_is_a_surprise(line: bytes) -> None:
    with contextlib.suppress(BadCommand):
        read_command(line)
