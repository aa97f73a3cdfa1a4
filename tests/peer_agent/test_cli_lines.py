"""Lines of standard input, read by a thread that must never leave its reader waiting."""

import asyncio
import io
import os

import pytest

from peer_agent.cli_lines import read_lines
from peer_agent.errors import UsageError

LIMIT_S = 5.0


def a_source(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


async def lines_of(source: io.TextIOWrapper) -> list[str]:
    async with asyncio.timeout(LIMIT_S):
        return [line async for line in read_lines(source)]


async def test_lines_come_in_order_without_their_ends_and_empty_ones() -> None:
    assert await lines_of(a_source(b"one\r\n\ntwo\nlast")) == ["one", "two", "last"]


async def test_input_that_is_no_text_is_said() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        await lines_of(a_source(b"one\n\xff\ntwo\n"))


async def test_input_that_can_not_be_read_is_said() -> None:
    """As when the terminal is gone."""
    for_writing_only = os.open(os.devnull, os.O_WRONLY)

    with (
        io.TextIOWrapper(io.FileIO(for_writing_only, "w"), encoding="utf-8") as source,
        pytest.raises(UsageError, match="read"),
    ):
        await lines_of(source)
