"""`p2p.protocol` takes values and gives values (invariant 4): no framework, no socket, no chance."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import p2p.protocol

BANNED = (
    "django",
    "asyncio",
    "aiortc",
    "aioice",
    "channels",
    "celery",
    "redis",
    "httpx",
    "websockets",
    "cryptography",
)
PROGRAM = f"""
import importlib, pkgutil, sys
import p2p.protocol
for module in pkgutil.iter_modules(p2p.protocol.__path__, "p2p.protocol."):
    importlib.import_module(module.name)
print(",".join(name for name in {BANNED!r} if name in sys.modules))
"""


def test_protocol_imports_neither_django_nor_an_event_loop_nor_webrtc() -> None:
    """In a process of its own, since this one has imported them all."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30
    )

    assert found.stdout.strip() == ""


# All that the protocol imports. Nothing in it knows the time, draws, waits, logs or reads a file, but for the
# makers of UUIDs.
MODULES = frozenset(
    "base64 binascii collections.abc dataclasses enum json re struct typing uuid p2p.protocol".split()
)
DOORS = frozenset({"__import__", "eval", "exec", "input", "open", "print"})


def impurities(source: str) -> Iterator[str]:
    """What a source of the protocol takes that is not a function of what it is given."""
    for found in ast.walk(ast.parse(source)):
        names = set()
        if isinstance(found, ast.Import):
            names = {each.name for each in found.names} - MODULES
        elif isinstance(found, ast.ImportFrom):
            module = found.module or ""
            is_known = module in MODULES or module.startswith("p2p.protocol.")
            names = set() if is_known else {module}
            names |= {each.name for each in found.names if module == "uuid"} - {"UUID"}
        elif isinstance(found, ast.Attribute) and ast.unparse(found.value) == "uuid":
            names = {found.attr} - {"UUID"}
        elif isinstance(found, ast.Name):
            names = {found.id} & DOORS
        yield from names


def test_protocol_knows_neither_time_nor_chance_and_logs_nothing() -> None:
    sources = sorted(Path(next(iter(p2p.protocol.__path__))).glob("*.py"))

    assert len(sources) > 5
    assert {path.name: list(impurities(path.read_text())) for path in sources} == {
        path.name: [] for path in sources
    }


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "import time",
        "from datetime import datetime",
        "import logging",
        "import os",
        "from secrets import token_bytes",
        "def draw():\n    import random",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid4",
        "open('seen')",
        "print('seen')",
    ],
)
def test_time_chance_and_logs_are_noticed(source: str) -> None:
    assert list(impurities(source))
