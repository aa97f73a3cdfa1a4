"""Texts of the scripts: each one that is said is there, and none is left that nobody says."""

import json
import re
from typing import Any

import pytest
from django.conf import settings

from mesa.problems import CODES

FOLDER = settings.STATIC_DIR / "mesa"
TEXTS: dict[str, str] = json.loads((FOLDER / "i18n" / "en.json").read_text())
SCRIPTS = "".join(each.read_text() for each in FOLDER.rglob("*.js"))
PLURAL = re.compile(r"\.(?:zero|one|two|few|many|other)$")
KEYS = {PLURAL.sub("", key) for key in TEXTS}
SAID = set(re.findall(r'\b(?:say|hasText)\(\s*"([\w.]+)"', SCRIPTS))
# Keys that are put together: what stands before the first value.
BEGINNINGS = tuple(re.findall(r"`([a-z_]+\.[a-z_]*)\$\{", SCRIPTS))
QUOTED = set(re.findall(r'"([a-z]+\.\w+)"', SCRIPTS))
# What whoever makes keys and accounts says by `busy`.
GIVEN = ("busy.", "notice.minutes", "list.nothing", "thread.note", "problem.")
# A page of this version does nothing that is answered so.
NEVER_SHOWN = {"method_not_allowed", "unsupported_media_type", "transaction_exists", "statement_behind"}


def test_every_text_that_is_said_is_there() -> None:
    assert SAID
    assert not SAID - KEYS


def test_no_text_is_left_over() -> None:
    assert [
        key for key in sorted(KEYS) if key not in QUOTED | SAID and not key.startswith((*BEGINNINGS, *GIVEN))
    ] == []


def test_every_refusal_of_the_api_has_words() -> None:
    assert [code for code in CODES if f"problem.{code}" not in KEYS and code not in NEVER_SHOWN] == []


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_text_makes_no_large_claim_and_does_not_shout(key: str) -> None:
    text = TEXTS[key]

    assert text == text.strip()
    assert not re.search(r"!|anonymous|untraceable|oops|100 %|please", text, re.IGNORECASE)


def test_plurals_are_whole_and_count() -> None:
    forms: dict[str, set[str]] = {}
    for key in TEXTS:
        if PLURAL.search(key):
            forms.setdefault(PLURAL.sub("", key), set()).add(key.rpartition(".")[2])

    assert forms
    assert {key for key, found in forms.items() if found != {"one", "other"}} == set()
    assert [key for key in forms if "{count}" not in TEXTS[f"{key}.other"]] == []


def test_keys_are_flat_and_texts_are_text() -> None:
    read: Any = json.loads((FOLDER / "i18n" / "en.json").read_text())

    assert all(isinstance(text, str) and re.fullmatch(r"[a-z0-9_.]+", key) for key, text in read.items())
