from contextlib import nullcontext
from pathlib import Path

import pytest

from mesa import env

NAME = "MESA_TEST_VARIABLE"


def test_text_falls_back_to_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)

    assert env.text(NAME, "here") == "here"


def test_required_text_that_is_not_set_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "  ")

    with pytest.raises(env.EnvError, match=NAME):
        env.text(NAME)


@pytest.mark.parametrize(("value", "expected"), [("yes", True), ("1", True), ("Off", False), ("0", False)])
def test_flag_reads_yes_and_no(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv(NAME, value)

    assert env.flag(NAME) is expected


@pytest.mark.parametrize("value", ["maybe", "2", "ja"])
def test_flag_refuses_anything_else_without_repeating_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)

    with pytest.raises(env.EnvError) as caught:
        env.flag(NAME)

    assert value not in str(caught.value)


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "٣", "0"])
def test_integer_refuses_what_is_no_count(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)

    with pytest.raises(env.EnvError):
        env.integer(NAME, least=1)


def test_words_are_split_at_spaces_and_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "a, b  c")

    assert env.words(NAME) == ["a", "b", "c"]


def test_list_of_urls_refuses_another_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "stun:a turn:b")

    with pytest.raises(env.EnvError, match=f"{NAME} must start with one of: stun"):
        env.words(NAME, schemes=frozenset({"stun"}))


@pytest.mark.parametrize(("value", "fits"), [("a b", True), ("a b c", False)])
def test_list_has_a_bound_where_one_is_given(
    monkeypatch: pytest.MonkeyPatch, value: str, *, fits: bool
) -> None:
    monkeypatch.setenv(NAME, value)

    with nullcontext() if fits else pytest.raises(env.EnvError, match="at most 2"):
        env.words(NAME, most=2)


def test_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(NAME, "state")

    assert env.path(NAME) == tmp_path / "state"


def test_url_refuses_another_scheme_without_repeating_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "http://ada:hunter2@store")

    with pytest.raises(env.EnvError) as caught:
        env.url(NAME, schemes=frozenset({"redis"}))

    assert "hunter2" not in str(caught.value)


def test_database_url_becomes_connection_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql://ada:p%40ss@db:6543/mesa?sslmode=require")

    found = env.database(NAME)

    assert found == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "mesa",
        "USER": "ada",
        "PASSWORD": "p@ss",
        "HOST": "db",
        "PORT": "6543",
        "OPTIONS": {"sslmode": "require"},
    }


def test_database_url_may_name_a_socket_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql:///mesa?host=/run/postgresql")

    found = env.database(NAME)

    assert found is not None
    assert (found["HOST"], found["PORT"]) == ("/run/postgresql", "")


@pytest.mark.parametrize("url", ["mysql://db/mesa", "postgresql://db", "postgresql://db/mesa?options=x"])
def test_database_url_that_can_not_work_stops_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(NAME, url)

    with pytest.raises(env.EnvError):
        env.database(NAME)


def test_no_database_url_means_the_embedded_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)

    assert env.database(NAME) is None
