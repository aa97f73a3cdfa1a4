"""The pictures of the pages: every scene, on phone and desktop, light and dark; some stand in the README."""

import re

from tests.browser.scenes import SCENES
from tests.browser.screenshots import FOLDER, SCHEMES, SIZES
from tests.conventions.sources import ROOT

SHOWN = 3


def test_every_scene_has_its_pictures_and_no_other_is_kept() -> None:
    wanted = {f"{scene.name}-{size}-{scheme}.png" for scene in SCENES for size in SIZES for scheme in SCHEMES}

    assert {each.name for each in FOLDER.iterdir()} == wanted


def test_readme_shows_some_with_words_for_who_does_not_see_them() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(docs/screenshots/([\w-]+\.png)\)", (ROOT / "README.md").read_text())

    assert len({name for _, name in shown}) >= SHOWN
    assert all((FOLDER / name).is_file() and words.strip() for words, name in shown)
