"""The static files of this release, served unchanged under an address that changes with any of their bytes.

A page and everything it imports come from one release: addresses inside the files are relative, and the first
part of all is a digest of the whole tree. The release before stays, for pages that are still open.

Spec: docs/spec/web-app.md, section "Static files"
"""

import gzip
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import django

DIGEST_CHARS: Final = 12
# Beside the one that runs: the one before it.
KEPT_RELEASES: Final = 2
DRAFT: Final = ".draft-"

Files = Mapping[str, bytes]


@cache
def read_tree(folder: Path) -> Files:
    """Read all files of a folder, by their paths relative to it."""
    return {name: (folder / name).read_bytes() for name in sorted(_names(folder))}


@cache
def packed(content: bytes) -> bytes | None:
    """Compress a file, once for all who ask for it; none if that makes it no smaller."""
    smaller = gzip.compress(content, mtime=0)
    return smaller if len(smaller) < len(content) else None


def digest(folder: Path) -> str:
    """Name the release: the first hex digits of a SHA-256 over names and bytes.

    Django's own files, of the operators' pages, come with its version.
    """
    total = hashlib.sha256(django.__version__.encode())
    for name, content in read_tree(folder).items():
        total.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(content).digest())
    return total.hexdigest()[:DIGEST_CHARS]


def keep(folder: Path, releases: Path) -> None:
    """Copy this release to where the next one finds it, and remove all but the newest few.

    One process at a time: a draft that is there was left by one that was killed.
    """
    target = releases / digest(folder)
    releases.mkdir(parents=True, exist_ok=True)
    for left in releases.glob(f"{DRAFT}*"):
        shutil.rmtree(left)
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=releases, prefix=DRAFT) as draft:
            shutil.copytree(folder, Path(draft, "files"))
            # The name appears with its files: a crash leaves no half of a release behind.
            Path(draft, "files").rename(target)
    target.touch()
    others = (each for each in releases.iterdir() if not each.name.startswith("."))
    for old in sorted(others, key=lambda each: each.stat().st_mtime)[:-KEPT_RELEASES]:
        # The name goes before its files, too.
        shutil.rmtree(old.rename(releases / f"{DRAFT}{old.name}"))


def kept(releases: Path, release: str) -> Files:
    """The files of a release that was kept; empty for any other name."""
    known = {each.name for each in releases.iterdir()} if releases.is_dir() else set()
    is_one = release in known and not release.startswith(".")
    return read_tree(releases / release) if is_one else {}


def _names(folder: Path) -> Iterator[str]:
    return (each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
