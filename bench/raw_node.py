"""One process of the raw chain: aiortc on uvloop, no Mesa at all; it obeys JSON lines on a unix socket.

Everything a node says carries `node`; times are seconds of the monotonic clock, which processes share.
"""

import asyncio
import json
import sys
import time

import uvloop
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from p2p.protocol.cells import LINK_FRAME_BYTES


class RawNode:
    """A position of the chain: an outgoing connection to the next node, an incoming one from the previous."""

    def __init__(self, index: int, writer: asyncio.StreamWriter) -> None:
        self.index = index
        self.writer = writer
        self.connections: dict[str, RTCPeerConnection] = {}
        self.channels: dict[str, RTCDataChannel] = {}

    def say(self, **content: object) -> None:
        self.writer.write(json.dumps({"node": self.index, **content}).encode() + b"\n")

    async def obey(self, order: dict[str, str]) -> None:
        """Carry out one order of the hub."""
        match order["do"]:
            case "offer":
                connection = self._connect("next")
                await connection.setLocalDescription(await connection.createOffer())
                self.say(offer=connection.localDescription.sdp)
            case "answer":
                connection = self._connect("previous")
                await connection.setRemoteDescription(RTCSessionDescription(order["sdp"], "offer"))
                await connection.setLocalDescription(await connection.createAnswer())
                self.say(answer=connection.localDescription.sdp)
            case "accept":
                await self.connections["next"].setRemoteDescription(
                    RTCSessionDescription(order["sdp"], "answer")
                )
            case "send":
                self.say(sent=time.monotonic())
                self.channels["next"].send(bytes(LINK_FRAME_BYTES))
            case "close":
                for connection in self.connections.values():
                    await connection.close()
                self.connections.clear()
                self.channels.clear()
                self.say(closed=True)

    def _connect(self, side: str) -> RTCPeerConnection:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        channel = connection.createDataChannel("raw", negotiated=True, id=0)
        channel.on("open", lambda: self.say(opened=side))
        channel.on("message", self._received)
        self.connections[side], self.channels[side] = connection, channel
        return connection

    def _received(self, frame: bytes) -> None:
        if "next" in self.channels:
            self.channels["next"].send(frame)
        else:
            self.say(received=time.monotonic())


async def serve(index: int, socket_path: str) -> None:
    """Obey the hub until it hangs up."""
    reader, writer = await asyncio.open_unix_connection(socket_path, limit=1 << 20)
    node = RawNode(index, writer)
    node.say(hello=True)
    while line := await reader.readline():
        await node.obey(json.loads(line))


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
