"""docs/spec/store.md names every key that the code can write, and no other."""

import inspect
import re
from pathlib import Path

from p2p import store_keys

PAGE = Path(__file__).resolve().parents[2] / "docs/spec/store.md"


def test_the_page_and_the_code_name_the_same_keys() -> None:
    written = set(re.findall(r'store\.(?:key|trimmed)\("(\w+)"', inspect.getsource(store_keys)))
    rows = re.findall(r"^\| `(\w+)[:`]", PAGE.read_text(), flags=re.MULTILINE)

    assert set(rows) == written
    assert len(rows) == len(set(rows))
