"""Spec: docs/spec/web-app.md, sections "Static files" and "Content policy"."""

import gzip
import os
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings

from mesa import releases
from mesa.middleware import PAGE_POLICY
from mesa.scripts import needed_by


def test_files_are_served_as_they_are_and_for_ever() -> None:
    name = "mesa/lib/bytes.js"
    answer = Client().get(f"{settings.STATIC_URL}{name}")

    assert answer.content == (settings.STATIC_DIR / name).read_bytes()
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == PAGE_POLICY


def test_every_file_of_the_tree_has_a_kind() -> None:
    for name in releases.read_tree(settings.STATIC_DIR):
        kind = Client().get(settings.STATIC_URL + name).headers["Content-Type"]

        assert kind != "application/octet-stream", name


@pytest.mark.parametrize("accepts", ["gzip", "br, gzip;q=0.5, *", "GZIP ; q=1.0,br"])
def test_files_are_packed_for_those_who_take_it(accepts: str) -> None:
    for name, content in releases.read_tree(settings.STATIC_DIR).items():
        answer = Client(headers={"accept-encoding": accepts}).get(settings.STATIC_URL + name)
        is_packed = answer.headers.get("Content-Encoding") == "gzip"

        assert (gzip.decompress(answer.content) if is_packed else answer.content) == content
        assert len(answer.content) <= len(content)
        assert is_packed or len(gzip.compress(content)) >= len(content)
        assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepts", ["", "br", "gzip;q=0", "gzip; q=0.000, br", "x-gzip", "gzipped"])
def test_files_are_not_packed_for_others(accepts: str) -> None:
    answer = Client(headers={"accept-encoding": accepts}).get(settings.STATIC_URL + "mesa/lib/bytes.js")

    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.content == (settings.STATIC_DIR / "mesa/lib/bytes.js").read_bytes()


def test_page_names_each_script_that_its_script_leads_to_once() -> None:
    page = Client().get("/app/").content.decode()
    named = re.findall(r'(?:modulepreload" href|module" src)="([^"]+)"', page)

    assert len(set(named)) == len(named)
    assert settings.STATIC_URL + "mesa/protocol/cells.js" in named
    assert {Client().get(each).status_code for each in named} == {200}


def test_scripts_are_followed_over_all_kinds_of_import(tmp_path: Path) -> None:
    texts = {
        "app.js": 'import "./a.js"\nimport {\n  one,\n  two,\n} from "./b.js"\nconst no = "./c.js"\n',
        "a.js": '/** @type {import("./c.js")} */\nimport { a } from "./app.js"\nexport * from "./deep/d.js"',
        "b.js": '// import "./c.js"\nimport { a } from "./a.js"\n',
        "c.js": "",
        "deep.js": "",
    }
    tree = make_tree(tmp_path / "tree", texts)
    (tree / "deep").mkdir()
    (tree / "deep" / "d.js").write_text('import * as above from "../deep.js"\n')

    assert needed_by(tree, "app.js") == ("app.js", "a.js", "b.js", "deep/d.js", "deep.js")


def test_files_of_the_operators_pages_are_served() -> None:
    assert Client().get(f"{settings.STATIC_URL}admin/css/base.css").status_code == 200
    assert Client().get("/static/000000000000/admin/css/base.css").status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "../manage.py",
        "mesa/../../manage.py",
        "%2e%2e/manage.py",
        "mesa/",
        "mesa",
        "rest_framework/css/default.css",
    ],
)
def test_nothing_else_is_served(name: str) -> None:
    assert Client().get(f"{settings.STATIC_URL}{name}").status_code in {400, 404}


@pytest.mark.parametrize("release", ["..", ".", ".draft-1", "%2e%2e", "000000000000"])
def test_no_other_folder_is_a_release(release: str, tmp_path: Path) -> None:
    (tmp_path / "releases" / ".draft-1").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "releases", tmp_path / "releases" / ".draft-1"):
        (folder / "secret.js").write_text("1")

    with override_settings(RELEASES_DIR=tmp_path / "releases"):
        assert Client().get(f"/static/{release}/secret.js").status_code in {400, 404}


def test_any_change_of_the_tree_changes_its_address(tmp_path: Path) -> None:
    seen = {releases.digest(make_tree(tmp_path / "one", {"a.js": "1", "b.js": "2"}))}

    for at, files in enumerate(
        [{"a.js": "1", "b.js": "3"}, {"a.js": "1", "c.js": "2"}, {"a.js": "12", "b.js": ""}, {"a.js": "1"}]
    ):
        seen.add(releases.digest(make_tree(tmp_path / str(at), files)))

    assert len(seen) == 5
    assert releases.digest(make_tree(tmp_path / "again", {"b.js": "2", "a.js": "1"})) in seen


def test_release_before_stays_until_the_one_after_the_next(tmp_path: Path) -> None:
    kept = tmp_path / "releases"
    trees = [make_tree(tmp_path / str(number), {"app.js": str(number)}) for number in range(3)]
    names = [releases.digest(tree) for tree in trees]
    for at, tree in enumerate(trees):
        releases.keep(tree, kept)
        os.utime(kept / names[at], (at, at))

    with override_settings(RELEASES_DIR=kept, STATIC_DIR=trees[2], STATIC_RELEASE=names[2]):
        answers = [Client().get(f"/static/{name}/app.js") for name in names]

    assert [answer.status_code for answer in answers] == [404, 200, 200]
    assert answers[1].content == b"1"


def test_release_that_comes_back_is_kept_as_the_newest(tmp_path: Path) -> None:
    kept = tmp_path / "releases"
    trees = [make_tree(tmp_path / str(number), {"app.js": str(number)}) for number in range(3)]
    for at, tree in enumerate([trees[0], trees[1]]):
        releases.keep(tree, kept)
        os.utime(kept / releases.digest(tree), (at, at))

    releases.keep(trees[0], kept)
    releases.keep(trees[2], kept)

    assert {each.name for each in kept.iterdir()} == {releases.digest(trees[0]), releases.digest(trees[2])}


def test_draft_that_a_killed_server_left_is_cleared_away(tmp_path: Path) -> None:
    kept, tree = tmp_path / "releases", make_tree(tmp_path / "tree", {"app.js": "1"})
    (kept / ".draft-1").mkdir(parents=True)
    make_tree(kept / ".draft-1" / "files", {"app.js": "1"})

    releases.keep(tree, kept)

    assert [each.name for each in kept.iterdir()] == [releases.digest(tree)]


def make_tree(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder
