"""Read the tables and key lists of the spec pages."""

import re
from pathlib import Path

SPEC = Path(__file__).parents[2] / "docs" / "spec"


def page(name: str) -> str:
    """The text of a spec page."""
    return (SPEC / f"{name}.md").read_text()


def table(name: str, heading: str, place: int = 0) -> list[list[str]]:
    """Rows of a table under a heading, without its head."""
    text = page(name).split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    tables = [block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    return [cells(row) for row in tables[place][2:]]


def cells(row: str) -> list[str]:
    r"""The cells of one row; `\|` does not end a cell."""
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def bare(cell: str) -> str:
    """A cell without its backticks."""
    return cell.replace("`", "")


def keys(cell: str) -> dict[str, str]:
    """Key → its type as written, of a "keys" cell, outermost level only."""
    found = {}
    for part in split_at_commas(bare(cell)):
        name, _, kind = part.partition(":")
        found[name.strip()] = kind.strip() or name.strip()
    return found


def split_at_commas(text: str) -> list[str]:
    """Split where a comma stands in no bracket."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "{[(") - (sign in "}])")
        if sign == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part for part in [*parts, text[start:]] if part.strip()]


def number(text: str) -> int:
    """A number as the pages write it: 65,536 or 2^53-1."""
    if text.startswith("2^"):
        power, _, less = text.removeprefix("2^").partition("-")
        return (1 << int(power)) - int(less or 0)
    return int(text.replace(",", ""))
