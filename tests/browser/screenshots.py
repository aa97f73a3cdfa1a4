"""Takes a picture of every page, for people to look at: phone and desktop, light and dark.

The server is one of its own, the pages are those that users get. What a page shows only with a peer behind it
is given to its elements as view objects, from tests.browser.scenes: the product has no sample data.

usage: python -m tests.browser.screenshots [folder] [word in the names]
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.scenes import SCENES, show
from tests.browser.small_png import write_small
from tests.chromium import chromium
from tests.live_tree import ROOT, LiveTree

FOLDER = ROOT / "docs" / "screenshots"
SIZES = {"phone": (360, 740), "desktop": (1280, 860)}
SCHEMES = ("light", "dark")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state_dir:
        tree = LiveTree(Path(state_dir), environment={"MESA_REGISTRATION": "invitation"})
        tree.start()
        try:
            with chromium() as browser:
                take(browser, tree.url, folder, word)
        finally:
            tree.stop()


def take(browser: Browser, url: str, folder: Path, word: str) -> None:
    """Open each scene in a fresh profile and write its picture."""
    counter = browser.new_page()
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                locale="en-GB",
                timezone_id="Europe/Vilnius",
            )
            for scene in SCENES:
                name = f"{scene.name}-{size}-{scheme}.png"
                if word in name:
                    page = context.new_page()
                    show(page, url, scene)
                    write_small(page.screenshot(), folder / name, counter=counter)
                    page.close()
            context.close()


if __name__ == "__main__":
    main()
