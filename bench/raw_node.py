"""One process of the raw chain: aiortc on uvloop, no Mesa at all; it obeys its hub.

Times are seconds of the monotonic clock, which processes share.
"""

import json
import sys
import time
from typing import Any

import uvloop
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from bench.hub import Mouth, connect
from p2p.protocol.cells import LINK_FRAME_BYTES
from peer_agent.ice_patch import apply_ice_patch


class RawNode:
    """A position of the chain: an outgoing connection to the next node, an incoming one from the previous."""

    def __init__(self, mouth: Mouth) -> None:
        self._say = mouth.say
        self._connections: dict[str, RTCPeerConnection] = {}
        self._channels: dict[str, RTCDataChannel] = {}

    async def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order of the hub."""
        match order["do"]:
            case "offer":
                connection = self._connect("next")
                await connection.setLocalDescription(await connection.createOffer())
                self._say(offer=connection.localDescription.sdp)
            case "answer":
                connection = self._connect("previous")
                await connection.setRemoteDescription(RTCSessionDescription(order["sdp"], "offer"))
                await connection.setLocalDescription(await connection.createAnswer())
                self._say(answer=connection.localDescription.sdp)
            case "accept":
                await self._connections["next"].setRemoteDescription(
                    RTCSessionDescription(order["sdp"], "answer")
                )
            case "send":
                self._say(sent=time.monotonic())
                for _ in range(order.get("count", 1)):
                    self._channels["next"].send(bytes(LINK_FRAME_BYTES))
            case "close":
                for connection in self._connections.values():
                    await connection.close()
                self._connections.clear()
                self._channels.clear()
                self._say(closed=True)

    def _connect(self, side: str) -> RTCPeerConnection:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        channel = connection.createDataChannel("raw", negotiated=True, id=0)
        channel.on("open", lambda: self._say(opened=side))
        channel.on("message", self._received)
        self._connections[side], self._channels[side] = connection, channel
        return connection

    def _received(self, frame: bytes) -> None:
        if "next" in self._channels:
            self._channels["next"].send(frame)
        else:
            self._say(received=time.monotonic())


async def serve(name: str, path: str, *, repaired: bool) -> None:
    """Obey the hub until it hangs up; `repaired`: with the agent's repair of ICE's fixed pause."""
    if repaired:
        apply_ice_patch()
    reader, mouth = await connect(name, path)
    node = RawNode(mouth)
    mouth.say(hello=True)
    while line := await reader.readline():
        await node.obey(json.loads(line))


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2], repaired="repaired" in sys.argv[3:]))
