"""Read and write the vector files of all implementations. Spec: docs/spec/encoding.md, section "Vectors"."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peer_agent.crypto.errors import CryptoError

VECTORS = Path(__file__).parents[3] / "docs" / "spec" / "vectors"

Case = dict[str, Any]


def load(page: str, check: str | None = None) -> list[Case]:
    """Cases of a page, of one procedure if named."""
    document = json.loads((VECTORS / f"{page}.json").read_text())
    assert document["spec"] == f"{page}/1"
    return [case for case in document["cases"] if check in (None, case["check"])]


def to_text(page: str, cases: list[Case]) -> str:
    """The exact text of a vector file."""
    return json.dumps({"spec": f"{page}/1", "cases": [plain(case) for case in cases]}, indent=1) + "\n"


def plain(value: Any) -> Any:
    """Bytes as hex, all the way down."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


class Drawn:
    """Repeatable "random" bytes: SHA-256 in counter mode over a name. Remembers what it gave."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()
        self._count = 0
        self.draws: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        out = b""
        while len(out) < size:
            out += hashlib.sha256(self._name + self._count.to_bytes(4, "big")).digest()
            self._count += 1
        self.draws.append(out[:size])
        return out[:size]


def flipped(raw: bytes, at: int, bit: int = 0) -> bytes:
    """The same bytes with one bit changed."""
    return raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at:][1:]


def verdict(check: Callable[[Case], object], case: Case) -> str:
    """Run a procedure on a case: "ok", or the name of the refusal."""
    try:
        check(case)
    except CryptoError as error:
        return error.name
    return "ok"


class Given:
    """The random draws a vector prescribes, in order."""

    def __init__(self, draws: list[str]) -> None:
        self._draws = iter(draws)

    def __call__(self, size: int) -> bytes:
        draw = bytes.fromhex(next(self._draws))
        assert len(draw) == size
        return draw
