"""House rules of the web app's scripts that neither formatter nor type checker knows.

Spec: docs/spec/web-app.md, sections "Content policy" and "Layers"
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT

APP = ROOT / "static" / "mesa"
SCRIPTS = sorted(APP.rglob("*.js"))
LAYERS = ("elements", "peer", "store", "crypto", "protocol", "lib")
# What a layer may import beside itself. The store and the peer stand side by side, the peer over the store.
BELOW = {name: set(LAYERS[at:]) for at, name in enumerate(LAYERS)}
IMPORT = re.compile(r"""(?:^import[^"]*|\bimport\(|\bfrom )"([^"]+)\"""", re.MULTILINE)
COMMENTS = re.compile(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", re.DOTALL)
# A word of the platform, and the only places where it may stand.
HOMES = {
    r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser": (),
    r"\beval\(|new Function\(|setInterval\(|\bXMLHttpRequest\b|WebAssembly": (),
    r"\bsetTimeout\(": ("lib/timing.js",),
    r"crypto\.subtle|getRandomValues|randomUUID": ("crypto/primitives.js", "crypto/feature-check.js"),
    r"indexedDB\.(open|deleteDatabase)|\.transaction\([^)]*,": ("store/database.js",),
    r"\bRTCPeerConnection\b": ("peer/rtc.js", "elements/missing-features.js"),
    r"\bconsole\.|\balert\(|\bdebugger\b": (),
    r"\b(?:document|window|location|globalThis)[.[]": ("elements/", "app.js"),
    r"\blocalStorage\b|\bsessionStorage\b": ("elements/theme.js",),
    r"\.style\b|setAttribute\(\"style\"|cssText": (),
    r"trustedTypes": ("lib/trusted.js",),
}


def code_of(path: Path) -> str:
    """The text of a script without its comments."""
    return COMMENTS.sub("", path.read_text())


def place_of(path: Path) -> str:
    return path.relative_to(APP).as_posix()


def holds_more_than_types(path: Path) -> bool:
    return code_of(path).strip() != "export {}"


def wrong_imports(path: Path) -> Iterator[str]:
    allowed = BELOW.get(place_of(path).partition("/")[0], set(LAYERS))
    for name in IMPORT.findall(code_of(path)):
        target = (path.parent / name).resolve()
        is_file = name.startswith(".") and target.is_file() and APP in target.parents
        if not is_file or place_of(target).partition("/")[0] not in allowed:
            yield f"{place_of(path)}: {name}"


def test_imports_are_relative_and_point_one_way() -> None:
    assert [each for path in SCRIPTS for each in wrong_imports(path)] == []


@pytest.mark.parametrize("words", HOMES)
def test_word_of_the_platform_stands_at_home_only(words: str) -> None:
    wanted = re.compile(words)
    found = [
        place_of(path)
        for path in SCRIPTS
        if wanted.search(code_of(path)) and not place_of(path).startswith(HOMES[words] or ("none",))
    ]

    assert found == []


def test_nothing_is_awaited_while_a_transaction_of_the_database_is_open() -> None:
    """The browser ends a transaction that waits for anything but its own requests."""
    functions = re.split(
        r"\n(?=  (?:async )?#?\w+\(|(?:export )?(?:async )?function )", code_of(APP / "store/database.js")
    )

    assert sum("#open(" in each for each in functions) > 3
    assert [each for each in functions if "#open(" in each and re.search(r"\bawait\b|\basync\b", each)] == []


def test_no_file_names_another_host() -> None:
    hosts = re.compile(r"(?<!xmlns=\")https?://(?!www\.w3\.org/)\w")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(APP.rglob("*"))
        if path.suffix in {".js", ".css", ".svg", ".json"} and hosts.search(path.read_text())
    ]

    assert found == []


# Direct links are the agent's alone so far; the page has what its vectors need.
WITHOUT_A_USER = {"crypto/direct.js"}


def test_every_script_is_used() -> None:
    imported = {(path.parent / name).resolve() for path in SCRIPTS for name in IMPORT.findall(code_of(path))}
    named = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    unused = {
        place_of(path)
        for path in SCRIPTS
        if path not in imported and place_of(path) not in named and holds_more_than_types(path)
    }

    assert unused == WITHOUT_A_USER
