"""Every test of a script runs in a page: an exported function of a `*.test.js` is one, its name a claim.

The page comes from no server: what it asks for is answered with files of the repository, under the policy of
the app. So the browser's own cryptography, database and locks are what they are for users.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.live_tree import ROOT

HERE = Path(__file__).parent
EXPORTED = re.compile(r"^export (?:async )?function (\w+)", re.MULTILINE)
RUN = "async ([file, name]) => { await (await import(file))[name]() }"
TESTS = [
    (path.relative_to(ROOT).as_posix(), name)
    for path in sorted(HERE.rglob("*.test.js"))
    if "node_modules" not in path.parts
    for name in EXPORTED.findall(path.read_text())
]


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[f"{file}::{name}" for file, name in TESTS])
def test_claim_holds(page_for: Callable[[str], Page], file: str, name: str) -> None:
    page = page_for(file)
    said: list[str] = []

    def note(message: object) -> None:
        said.append(str(message))

    page.on("pageerror", note)
    page.on("console", note)
    try:
        page.evaluate(RUN, [f"/{file}", name])
    finally:
        page.remove_listener("pageerror", note)
        page.remove_listener("console", note)

    assert said == []


def test_there_are_tests() -> None:
    assert TESTS
