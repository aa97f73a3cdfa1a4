"""The web server process: daphne, with bounds on what one websocket can make it hold in memory.

daphne reads a socket as fast as the network brings it and keeps what the application has not taken yet: up
to 1 MiB a message, and any number of them. It also keeps all that the other end does not read. Here a socket
that passes a bound is closed, and nothing more of it is kept.
Spec: docs/spec/signaling.md, section "Close codes"
"""

import sys
from typing import Any, Final

from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from p2p.protocol.errors import FrameTooLarge, TooManyFrames
from p2p.protocol.limits import FRAME_BYTES, FRAMES_BURST

# Frames that wait for their turn. A peer that keeps to the rate never has more than a burst of them.
MAX_WAITING: Final = FRAMES_BURST
# What is written to a socket whose other end does not read: some snapshots, a path's orders, held receipts.
MAX_UNREAD_BYTES: Final = 4 * 1_048_576


class BoundedSocket(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """One websocket. It closes with the code of the page, and takes in nothing more from then on."""

    unread_bytes = 0
    is_stalled = False

    def onOpen(self) -> None:
        # Twisted tells a producer when its buffer fills and when it is empty again.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, streaming=True)
        super().onOpen()

    def _max_message_size_exceeded(self, *_: object) -> None:
        self.refuse(FrameTooLarge.close_code)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.application_queue.qsize() >= MAX_WAITING:
            self.refuse(TooManyFrames.close_code)
        if not self.failedByMe:
            super().onMessage(payload, isBinary)

    def refuse(self, code: int) -> None:
        """Close, and drop what the peer goes on sending; autobahn ends the connection a second later."""
        self.failedByMe = True
        self.sendCloseFrame(code=code)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        if self.is_stalled:
            self.unread_bytes += len(content)
            if self.unread_bytes > MAX_UNREAD_BYTES:
                self.dropConnection(abort=True)
                return
        super().serverSend(content, binary)

    def dropConnection(self, abort: bool = False) -> None:
        # With a producer that is paused twisted would wait for it instead of ending the connection.
        self.transport.unregisterProducer()
        super().dropConnection(abort)

    def pauseProducing(self) -> None:
        self.is_stalled = True

    def resumeProducing(self) -> None:
        self.is_stalled = False
        self.unread_bytes = 0

    def stopProducing(self) -> None:
        """Nothing is to be stopped: the application learns of a lost connection by its own message."""


class BoundedServer(Server):  # type: ignore[misc]  # daphne has no types
    """daphne's server with Mesa's sockets."""

    def __init__(self, *args: Any, **options: Any) -> None:
        bounds = {"websocket_max_message_size": FRAME_BYTES, "websocket_max_frame_size": FRAME_BYTES}
        super().__init__(*args, **(options | bounds))


class BoundedCommandLine(CommandLineInterface):  # type: ignore[misc]  # daphne has no types
    """daphne's own options."""

    server_class = BoundedServer


# daphne's server makes its factory by itself, and asks it for a protocol by this name.
WebSocketFactory.protocol = BoundedSocket


if __name__ == "__main__":
    BoundedCommandLine().run(sys.argv[1:])
