"""A STUN server on a thread of its own: tells who asks that it is seen elsewhere, as behind a NAT."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aioice import stun

SEEN_AT = ("192.0.2.7", 40_000)


@contextmanager
def stun_server(*, seen_at: tuple[str, int] = SEEN_AT, answers: bool = True) -> Iterator[str]:
    """Answer binding requests; gives the address in WebRTC's form."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    raw, who = server.recvfrom(2_048)
                    if not raw:
                        return
                    if answers:
                        server.sendto(bytes(_answer(raw, seen_at)), who)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"stun:127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


def _answer(raw: bytes, seen_at: tuple[str, int]) -> stun.Message:
    asked = stun.parse_message(raw)
    answer = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=asked.transaction_id,
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = seen_at
    answer.add_fingerprint()
    return answer
