"""docs/spec/store.md names every key that the code can write, wherever it does, and no other."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from mesa import deadlines, store
from tests.conventions.sources import ROOT, SERVER, find_files, name_of

PAGE = (ROOT / "docs/spec/store.md").read_text()
# Whoever makes a client of redis-py could write past the guard: the store's doors, and two that only look.
CLIENTS = {"mesa/store.py", "mesa/channel_store.py", "mesa/dumps.py", "mesa/embedded_store.py"}


def written() -> dict[str, str]:
    """First word of every key that the server's code names → where."""
    found = {word: name_of(path) for path in find_files("*.py", SERVER) for word in words_in(path)}
    return {**found, str(settings.CACHES["default"]["KEY_PREFIX"]).removeprefix("mesa:"): "mesa/settings.py"}


def words_in(path: Path) -> Iterator[str]:
    module = name_of(path).removesuffix(".py").replace("/", ".")
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and is_maker(ast.unparse(call.func), module) and call.args:
            first = call.args[0]
            if isinstance(first, ast.Name):
                yield str(getattr(importlib.import_module(module), first.id))
            elif isinstance(first, ast.Constant) and first.value:
                yield str(first.value)
            else:
                assert is_prefix_of_scripts(module, first), f"{module} names a key that nobody can read"


def is_maker(name: str, module: str) -> bool:
    """Whether a call makes a key's name."""
    return name in ("store.key", "store.trimmed") or (module == "mesa.store" and name == "key")


def is_prefix_of_scripts(module: str, first: ast.expr) -> bool:
    """Whether it is the prefix that scripts build names from, or a name passed on."""
    return module == "p2p.scripts" or (module == "mesa.store" and isinstance(first, ast.Starred))


def test_the_page_and_the_code_name_the_same_keys() -> None:
    rows = re.findall(r"^\| `(\w+)[:`]", PAGE, flags=re.MULTILINE)

    assert set(rows) == set(written())
    assert len(rows) == len(set(rows))


def test_scripts_build_no_other_names() -> None:
    known = {*written(), *deadlines._kinds}
    scripts = [script.lua for script in store._scripts.values() if not script.name.startswith("test_")]

    built = {word for lua in scripts for word in re.findall(r"'(\w+):'|prefix \.\. '(\w+)", lua)}

    assert len(scripts) > 10
    assert {one or other for one, other in built} - known == set()


def test_nobody_else_has_a_client_of_the_store() -> None:
    made = re.compile(r"\b(Strict)?Redis\(|\bfrom_url\(|caches\[|django\.core\.cache import")

    found = {name_of(path) for path in find_files("*.py", SERVER) if made.search(path.read_text())}

    assert found == CLIENTS


def test_every_kind_of_deadline_is_on_the_page() -> None:
    members = re.search(r"Members of the zset: (.*)\n", PAGE)
    assert members is not None

    kinds = {name for name in deadlines._kinds if not name.startswith("test_")}
    assert set(re.findall(r"`(\w+):", members[1])) == kinds
