"""Which scripts import which: a page names them all, so that none waits for the one that imports it.

Spec: docs/spec/web-app.md, section "Static files"
"""

import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Final

from mesa import releases

# At the beginning of a line, as the formatter leaves them; types in comments are imported by no browser.
IMPORT: Final = re.compile(rb"""^(?:import |(?:import|export|\}).* from )"(\.[^"]+)"$""", re.MULTILINE)


@cache
def needed_by(folder: Path, entry: str) -> tuple[str, ...]:
    """Name a script of the release and all that it imports, those first that the entry names itself."""
    files = releases.read_tree(folder)
    found = [entry]
    # Grows while it is walked: nearer ones come before those that they import.
    for name in found:
        around = posixpath.dirname(name)
        imported = (
            posixpath.normpath(posixpath.join(around, each.decode())) for each in IMPORT.findall(files[name])
        )
        found += [each for each in dict.fromkeys(imported) if each not in found]
    return tuple(found)
