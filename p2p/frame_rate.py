"""How fast frames may come: an allowance that fills with time. Pure: time comes in as seconds.

Spec: docs/spec/signaling.md, section "Close codes"
"""

from p2p.protocol.errors import TooManyFrames
from p2p.protocol.limits import FRAMES_BURST, FRAMES_PER_S


class FrameAllowance:
    """FRAMES_BURST frames at once, FRAMES_PER_S on the long run."""

    def __init__(self, now_s: float) -> None:
        self.left = float(FRAMES_BURST)
        self.at_s = now_s

    def take(self, now_s: float) -> None:
        """Take one frame.

        Raises:
            TooManyFrames: none is left.
        """
        self.left = min(FRAMES_BURST, self.left + (now_s - self.at_s) * FRAMES_PER_S)
        self.at_s = now_s
        if self.left < 1:
            raise TooManyFrames
        self.left -= 1
