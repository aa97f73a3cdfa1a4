"""Read and write the vector files of the pure protocol; a long run is written once, with its count.

A changed frame is written so that its size is not what is refused.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from p2p.protocol.limits import FRAME_STEP_BYTES

VECTORS = Path(__file__).parents[2] / "docs" / "spec" / "vectors"
TEXT_RUN = re.compile(r"""(.|"[^"]*",|\{(?:[^{}]|\{[^{}]*\})*\},)\1{31,}""", re.DOTALL)
BYTE_RUN = re.compile(rb"(.)\1{31,}", re.DOTALL)

T = TypeVar("T", str, bytes)
Case = dict[str, Any]
Parts = str | list[str | list[str | int]]


def load(page: str, check: str) -> list[Case]:
    """Cases of one check of a page."""
    document = json.loads((VECTORS / f"{page}.json").read_text())
    assert document["spec"] == f"{page}/1"
    return [case for case in document["cases"] if case["check"] == check]


def to_file_text(page: str, cases: list[Case]) -> str:
    """The exact text of a vector file: one case a line."""
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), "two cases have one name"
    lines = ",\n".join(json.dumps(case) for case in cases)
    return f'{{"spec": "{page}/1", "cases": [\n{lines}\n]}}\n'


def drawn(name: str, size: int) -> bytes:
    """Repeatable "random" bytes of that name."""
    return hashlib.shake_256(b"mesa vectors " + name.encode()).digest(size)


def to_parts(text: str) -> Parts:
    """Shorten a text that has long runs."""
    return _parts(TEXT_RUN, text, str)


def bytes_to_parts(raw: bytes) -> Parts:
    """Write bytes as hex, shortened where one byte has a long run."""
    return _parts(BYTE_RUN, raw, bytes.hex)


def from_parts(parts: Parts) -> str:
    """The whole text again."""
    if isinstance(parts, str):
        return parts
    return "".join(part if isinstance(part, str) else str(part[0]) * int(part[1]) for part in parts)


def bytes_from_parts(parts: Parts) -> bytes:
    """The bytes again."""
    return bytes.fromhex(from_parts(parts))


def frame_text(content: Any) -> str:
    """A frame's JSON as its text; where it has padding, that is made to fit what else is there."""
    if not isinstance(content, dict) or "pad" not in content:
        return _dump(content)
    missing = -len(_dump({**content, "pad": ""})) % FRAME_STEP_BYTES
    return _dump({**content, "pad": "0" * missing})


def _dump(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def _parts(pattern: re.Pattern[T], whole: T, written: Callable[[T], str]) -> Parts:
    parts: list[str | list[str | int]] = []
    end = 0
    for run in pattern.finditer(whole):
        unit = run.group(1)
        parts += [written(whole[end : run.start()]), [written(unit), len(run.group()) // len(unit)]]
        end = run.end()
    return [part for part in [*parts, written(whole[end:])] if part] if parts else written(whole)
