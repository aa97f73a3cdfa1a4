"""A forwarder whose links go deaf at SIGUSR1: they stay open, confirm what comes, and nothing of it is taken.

Links that open later are well. Run as a process: `python -m tests.network.deafening_forwarder STATE`. Only
tests have this.
"""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from p2p.protocol.parts import IceServer
from peer_agent.cli import set_up_logging
from peer_agent.cli_loop import Terminated, run
from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.peer import Peer
from peer_agent.rtc import AiortcTransport, Callbacks, TransportFactory


class DeafeningTransport(AiortcTransport):
    """The real transport, until it goes deaf."""

    def __init__(self, callbacks: Callbacks, ice_servers: Sequence[IceServer]) -> None:
        self.has_opened = self.is_deaf = False

        def opened() -> None:
            self.has_opened = True
            callbacks.opened()

        def received(frame: bytes | str) -> None:
            if not self.is_deaf:
                callbacks.received(frame)

        super().__init__(Callbacks(opened, callbacks.closed, received, callbacks.drained), ice_servers)


async def forward(state: Path) -> None:
    output = Output(is_json=True)
    made: list[DeafeningTransport] = []

    def make_transports(ice_servers: Sequence[IceServer], *, turn_only: bool) -> TransportFactory:
        assert not turn_only

        def make(callbacks: Callbacks) -> DeafeningTransport:
            made.append(DeafeningTransport(callbacks, ice_servers))
            return made[-1]

        return make

    def go_deaf(*_: object) -> None:
        for transport in made:
            # Offers in stock stay well.
            transport.is_deaf = transport.has_opened

    signal.signal(signal.SIGUSR1, go_deaf)
    async with Peer(Config(state), make_transports=make_transports) as peer, peer.watching() as events:
        async for timed in events:
            output.event(timed)


def main() -> None:
    set_up_logging(is_debug=True)
    with suppress(Terminated):
        run(forward(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
