"""Write docs/spec/vectors/ with `python -m tests.peer_agent.crypto.make_vectors`; each run gives the same."""

from collections.abc import Callable
from typing import Final

from .cases import (
    direct,
    encoding,
    handshake,
    identity,
    messages,
    onion,
    prekeys,
    ratchet,
    receipts,
    sealing,
    store_at_rest,
)
from .vector_files import VECTORS, Case, to_text

PAGES: Final[dict[str, Callable[[], list[Case]]]] = {
    "encoding": encoding.cases,
    "identity": identity.cases,
    "prekeys": prekeys.cases,
    "onion": onion.cases,
    "handshake": handshake.cases,
    "ratchet": ratchet.cases,
    "messages": messages.cases,
    "receipts": receipts.cases,
    "direct": direct.cases,
    "sealing": sealing.cases,
    "store-at-rest": store_at_rest.cases,
}


def write() -> None:
    VECTORS.mkdir(parents=True, exist_ok=True)
    for page, cases in PAGES.items():
        (VECTORS / f"{page}.json").write_text(to_text(page, cases()))


if __name__ == "__main__":
    write()
