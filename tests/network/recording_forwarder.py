"""A forwarder that writes down all it sees: every frame on its links and its socket, and every log line.

Run as a process: `python -m tests.network.recording_forwarder STATE RECORD`. Only tests have this.
"""

import base64
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from p2p.protocol.frames import FrameToPeer, parse_to_peer
from p2p.protocol.parts import IceServer
from peer_agent import session
from peer_agent.cli import set_up_logging
from peer_agent.cli_loop import Terminated, run
from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.peer import Peer
from peer_agent.rtc import AiortcTransport, Callbacks, TransportFactory


class Record:
    """One JSON object a line: what was seen, and where."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def cell(self, direction: str, frame: bytes | str) -> None:
        raw = frame if isinstance(frame, bytes) else frame.encode()
        self._write({"seen": direction, "frame": base64.b64encode(raw).decode()})

    def text(self, text: str) -> None:
        self._write({"seen": "socket", "text": text})

    def _write(self, line: dict[str, str]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class RecordingTransport(AiortcTransport):
    """The real transport, with an ear on it."""

    def __init__(self, callbacks: Callbacks, ice_servers: Sequence[IceServer], record: Record) -> None:
        def received(frame: bytes | str) -> None:
            record.cell("in", frame)
            callbacks.received(frame)

        super().__init__(
            Callbacks(callbacks.opened, callbacks.closed, received, callbacks.drained), ice_servers
        )
        self._record = record

    def send(self, frame: bytes) -> None:
        self._record.cell("out", frame)
        super().send(frame)


async def forward(state: Path, record: Record) -> None:
    output = Output(is_json=True)

    def make_transports(ice_servers: Sequence[IceServer], *, turn_only: bool) -> TransportFactory:
        assert not turn_only
        return lambda callbacks: RecordingTransport(callbacks, ice_servers, record)

    async with Peer(Config(state), make_transports=make_transports) as peer, peer.watching() as events:
        async for timed in events:
            output.event(timed)


def main() -> None:
    state, path = Path(sys.argv[1]), Path(sys.argv[2])
    set_up_logging(is_debug=True)
    with path.open("a") as file:
        record = Record(file)

        def parse_and_record(text: str) -> FrameToPeer:
            record.text(text)
            return parse_to_peer(text)

        session.parse_to_peer = parse_and_record  # type: ignore[attr-defined]  # an ear on the socket
        with suppress(Terminated):
            run(forward(state, record))


if __name__ == "__main__":
    main()
