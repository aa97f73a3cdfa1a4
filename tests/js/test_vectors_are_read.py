"""Every kind of example in docs/spec/vectors is put to the scripts, but for what is no browser's to do."""

import json
import re

import pytest

from tests.live_tree import ROOT

VECTORS = sorted((ROOT / "docs/spec/vectors").glob("*.json"))
TESTS = "".join(path.read_text() for path in sorted((ROOT / "tests/js").rglob("*.test.js")))
# The calls that go through all cases of a check; the last one is that of the tests of cells.
READING = r'(?:(?:putAll|casesOf)\(\s*"{page}",|\bholdTo\()\s*"{check}"'
# Servers make the logins for TURN servers. No browser has Argon2id.
OF_OTHERS = {("signaling", "turn_login"), ("store-at-rest", "lock-argon2id")}


def test_there_are_vectors() -> None:
    assert len(VECTORS) > 10


@pytest.mark.parametrize("page", [path.stem for path in VECTORS])
def test_every_check_of_a_page_is_put_to_the_scripts(page: str) -> None:
    cases = json.loads((ROOT / "docs/spec/vectors" / f"{page}.json").read_text())["cases"]
    checks = {each["check"] for each in cases}

    unread = {check for check in checks if not re.search(READING.format(page=page, check=check), TESTS)}

    assert checks
    assert unread == {check for name, check in OF_OTHERS if name == page}
