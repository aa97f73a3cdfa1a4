"""Hears every packet at one home, by a packet socket in its namespace."""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.nat.lab import Lab, namespace
from tests.nat.packets import Packet, parse

NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
BUFFER_BYTES = 16 * 1_024 * 1_024
LONGEST_FRAME = 65_536
LISTEN_S = 0.1


class Capture:
    """All that came to a home and left it, from now until `packets` is asked for."""

    def __init__(self, home: str) -> None:
        self._frames: list[bytes] = []
        self._socket = in_namespace(home)
        self._missed = 0
        self._is_over = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def packets(self) -> list[Packet]:
        """What was heard so far; nothing may have been missed."""
        # Asking sets the counters back.
        self._missed += struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert self._missed == 0
        return [packet for packet in map(parse, tuple(self._frames)) if packet is not None]

    def close(self) -> None:
        self._is_over.set()
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._is_over.is_set():
            try:
                self._frames.append(self._socket.recv(LONGEST_FRAME))
            except TimeoutError:
                continue


@contextmanager
def capturing(lab: Lab, names: Sequence[str] | None = None) -> Iterator[dict[str, Capture]]:
    """Hear at these homes, or at all of them."""
    with ExitStack() as stack:
        captures = {}
        for name in lab.homes if names is None else names:
            captures[name] = Capture(name)
            stack.callback(captures[name].close)
        yield captures


def in_namespace(home: str) -> socket.socket:
    """Open the packet socket: a thread enters the namespace for it, and ends there."""
    made: list[socket.socket] = []

    def open_socket() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with (NAMESPACES / namespace(home)).open() as place:
            if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        opened.bind(("eth", 0))
        opened.settimeout(LISTEN_S)
        made.append(opened)

    opener = threading.Thread(target=open_socket)
    opener.start()
    opener.join()
    assert made, "no packet socket could be opened"
    return made[0]
