"""What the server can do with ciphers: verify signatures and check keys, and open nothing (invariant 1)."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conventions.sources import SERVER, find_files, name_of

CIPHERS = re.compile(r"(cryptography|OpenSSL|nacl|Crypto|Cryptodome|cffi|ctypes\.util)\b")
# All that the server imports of any cipher package: nothing that opens or seals but its own guard tickets.
ALLOWED = {
    "accounts/statements.py": {
        "cryptography.exceptions.InvalidSignature",
        "cryptography.hazmat.primitives.asymmetric.ed25519.Ed25519PublicKey",
        "cryptography.hazmat.primitives.asymmetric.mlkem.MLKEM768PublicKey",
    },
    "p2p/tickets.py": {
        "cryptography.exceptions.InvalidTag",
        "cryptography.hazmat.primitives.ciphers.aead.AESGCM",
    },
}
# Ways to a module that import-linter does not see.
BY_NAME = re.compile(r"(importlib|imp|pkgutil|runpy|zipimport|builtins|django\.utils\.module_loading)\b")
BUILT_IN = frozenset({"__import__", "compile", "eval", "exec"})
DOTTED = re.compile(r"(peer_agent|cryptography)(\.\w+)+")


def imported(tree: ast.AST) -> Iterator[str]:
    """Every name that code imports, with its module."""
    for found in ast.walk(tree):
        if isinstance(found, ast.Import):
            yield from (each.name for each in found.names)
        elif isinstance(found, ast.ImportFrom):
            yield from (f"{found.module}.{each.name}" for each in found.names)


def ciphers_of(source: str) -> set[str]:
    return {name for name in imported(ast.parse(source)) if CIPHERS.match(name)}


def imports_by_name(source: str) -> set[str]:
    """What in the code could import a module whose name is worked out, or written as text."""
    tree = ast.parse(source)
    calls = {found.id for found in ast.walk(tree) if isinstance(found, ast.Name) and found.id in BUILT_IN}
    texts = {
        found.value
        for found in ast.walk(tree)
        if isinstance(found, ast.Constant) and isinstance(found.value, str) and DOTTED.fullmatch(found.value)
    }
    return calls | texts | {name for name in imported(tree) if BY_NAME.match(name)}


def test_server_imports_nothing_that_opens_or_seals() -> None:
    found = {name_of(path): ciphers_of(path.read_text()) for path in find_files("*.py", SERVER)}

    assert {name: names for name, names in found.items() if names} == ALLOWED


def test_server_imports_no_module_by_its_name() -> None:
    found = {name_of(path): imports_by_name(path.read_text()) for path in find_files("*.py", SERVER)}

    assert {name: ways for name, ways in found.items() if ways} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
        "def open_it():\n    from cryptography.hazmat.primitives.ciphers import aead",
        "import cryptography.fernet",
        "from nacl import secret",
    ],
)
def test_cipher_is_noticed_wherever_it_is_imported(source: str) -> None:
    assert ciphers_of(source) not in ALLOWED.values()
    assert ciphers_of(source)


@pytest.mark.parametrize(
    "source",
    [
        'import importlib\nimportlib.import_module("peer_agent.crypto.messages")',
        "from importlib import import_module as bring",
        'messages = __import__("peer_agent.crypto.messages")',
        "bring = __import__",
        'exec("import peer" + "_agent")',
        'INSTALLED_APPS = ["peer_agent.crypto"]',
        "from django.utils.module_loading import import_string",
    ],
)
def test_import_by_name_is_noticed(source: str) -> None:
    assert imports_by_name(source)
