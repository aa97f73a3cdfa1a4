"""How fast frames may come."""

import pytest

from p2p.frame_rate import FrameAllowance
from p2p.protocol.errors import TooManyFrames
from p2p.protocol.limits import FRAMES_BURST, FRAMES_PER_S


def test_a_burst_is_taken_and_one_more_is_too_many() -> None:
    allowance = FrameAllowance(now_s=0)
    for _ in range(FRAMES_BURST):
        allowance.take(0)

    with pytest.raises(TooManyFrames):
        allowance.take(0)


def test_the_allowance_fills_with_time() -> None:
    allowance = FrameAllowance(now_s=0)
    for _ in range(FRAMES_BURST):
        allowance.take(0)

    for _ in range(FRAMES_PER_S):
        allowance.take(1)

    with pytest.raises(TooManyFrames):
        allowance.take(1)


def test_a_long_silence_saves_no_more_than_a_burst() -> None:
    allowance = FrameAllowance(now_s=0)

    for _ in range(FRAMES_BURST):
        allowance.take(1_000)

    with pytest.raises(TooManyFrames):
        allowance.take(1_000)
