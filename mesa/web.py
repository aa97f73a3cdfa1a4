"""The web server process: daphne, with bounds on what one connection can make it hold in memory or on disk.

daphne reads a socket as fast as the network brings it and keeps what the application has not taken yet: up
to 1 MiB a message, and any number of them. It also keeps all that the other end does not read. Here a socket
that passes a bound is closed, and nothing more of it is kept. A request's body it would take in whole before
the application sees a byte, of any size, and into a file if it is long or of unknown length.
Spec: docs/spec/signaling.md, section "Close codes"; docs/spec/rest.md, section "Terms and notation"
"""

import asyncio
import gc
import sys
from io import BytesIO
from typing import Any, Final

import uvloop

# Before daphne, which makes its event loop when it is imported.
uvloop.install()

from daphne import server as daphne_server
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.internet.tcp import Port
from twisted.internet.tcp import Server as Transport

from p2p.protocol.errors import FrameTooLarge, TooManyFrames
from p2p.protocol.limits import FRAME_BYTES, FRAMES_BURST

# Frames that wait for their turn. A peer that keeps to the rate never has more than a burst of them.
MAX_WAITING: Final = FRAMES_BURST
# What is written to a socket whose other end does not read: some snapshots, a path's orders, held receipts.
MAX_UNREAD_BYTES: Final = 4 * 1_048_576
# Who is in the middle of sending reads the code of a close late; a connection that ends takes it along.
CLOSE_WITHIN_S: Final = 5
# So much of a body over the limit is read and dropped, since only who has sent all reads the refusal.
MAX_DROPPED_BYTES: Final = 4 * 1_048_576
# Objects that came and have not gone. Those of a request or a frame go by themselves.
GARBAGE_LOOKED_FOR_EVERY: Final = 10_000
CUT_OFF: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedRequest(WebRequest):  # type: ignore[misc]  # daphne has no types
    """One HTTP request. Its body is held in memory only, and none of it once it is over the limit."""

    body_bytes = 0

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        if length is not None and length > MAX_DROPPED_BYTES:
            self.cut_off()

    def handleContentChunk(self, data: bytes) -> None:
        self.body_bytes += len(data)
        if self.body_bytes > MAX_DROPPED_BYTES:
            self.cut_off()
        elif self.is_too_large:
            self.content = BytesIO()
        else:
            self.content.write(data)

    @property
    def is_too_large(self) -> bool:
        return bool(self.body_bytes > settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    def cut_off(self) -> None:
        """Refuse without the application, and read nothing more."""
        self.content = BytesIO()
        self.channel.transport.write(CUT_OFF)
        self.channel.loseConnection()

    def process(self) -> Any:
        if self.is_too_large:
            # The application refuses by the header, which a body in pieces does not have.
            self.requestHeaders.setRawHeaders(b"content-length", [b"%d" % self.body_bytes])
        return super().process()


class BoundedHTTPFactory(HTTPFactory):  # type: ignore[misc]  # daphne has no types
    """Gives each HTTP connection Mesa's requests."""

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol


class PromptTransport(Transport):
    """One TCP connection. What is written in one turn of the loop leaves at its end, in one go.

    The stock one has the loop watch whether the socket could take it, which costs more than to try.
    """

    is_due = False

    def startWriting(self) -> None:
        if not self.is_due:
            self.is_due = True
            asyncio.get_running_loop().call_soon(self._send_now)

    def _send_now(self) -> None:
        self.is_due = False
        loop: Any = self.reactor
        if self.connected:
            loop._readOrWrite(self, False)
        if self.connected and (self.dataBuffer or self._tempDataBuffer):
            loop.addWriter(self)


class BoundedSocket(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """One websocket. It closes with the code of the page, and takes in nothing more from then on."""

    unread_bytes = 0
    is_stalled = False

    def onOpen(self) -> None:
        self.closeHandshakeTimeout = CLOSE_WITHIN_S
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
        """Close, and drop what the peer goes on sending; the connection ends CLOSE_WITHIN_S later."""
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
    """daphne's server with Mesa's sockets and requests."""

    def __init__(self, *args: Any, **options: Any) -> None:
        bounds = {"websocket_max_message_size": FRAME_BYTES, "websocket_max_frame_size": FRAME_BYTES}
        super().__init__(*args, **(options | bounds))

    def run(self) -> None:
        """Serve, without looking for garbage again and again among what was loaded to stay."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_LOOKED_FOR_EVERY, *gc.get_threshold()[1:])
        super().run()


class BoundedCommandLine(CommandLineInterface):  # type: ignore[misc]  # daphne has no types
    """daphne's own options."""

    server_class = BoundedServer


# daphne's server makes its factories by itself, by these names; twisted its connections.
Port.transport = PromptTransport
WebSocketFactory.protocol = BoundedSocket
daphne_server.HTTPFactory = BoundedHTTPFactory


if __name__ == "__main__":
    BoundedCommandLine().run(sys.argv[1:])
