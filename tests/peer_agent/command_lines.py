"""The commands of the page, and lines that programs write."""

import re
from typing import Any

from tests.live_tree import ROOT

SECTION = (ROOT / "docs/spec/agent.md").read_text().split("\n## Programs\n")[1].split("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+)` \| ?(.*?) ?\| ?(.*?) ?\|$", SECTION, re.MULTILINE)
COMMANDS = {word: re.findall(r"`(\w+)`", keys) for word, keys, _ in ROWS}
RESULTS = {word: re.findall(r"`(\w+)`", keys) for word, _, keys in ROWS}
VALUES: dict[str, Any] = {"user": "bo", "text": "hi", "greeting": "", "last": 10}


def line_of(word: str, **more: Any) -> dict[str, Any]:
    return {"id": 1, "command": word, **{key: VALUES[key] for key in COMMANDS[word]}, **more}
