"""Typed readers for environment variables: a wrong value stops the start, loudly.

A reader takes the name and a default; a default of None means *required*. Every variable that a reader is
asked for must stand in docker/env.example.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


class EnvError(ImproperlyConfigured):
    """A variable is missing or does not parse. The message names the variable, never its value."""


def text(name: str, default: str | None = None) -> str:
    """Read one line of text.

    Raises:
        EnvError: not set, and there is no default.
    """
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise EnvError(f"{name} must be set")
    return value


def flag(name: str, default: bool | None = None) -> bool:
    """Read a yes or no.

    Raises:
        EnvError: neither yes nor no, or required and not set.
    """
    value = text(name, None if default is None else str(default)).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise EnvError(f"{name} must be yes or no")


def choice(name: str, default: str | None = None, *, among: Collection[str]) -> str:
    """Read one of a few words.

    Raises:
        EnvError: another word, or required and not set.
    """
    value = text(name, default).lower()
    if value not in among:
        raise EnvError(f"{name} must be one of: {', '.join(sorted(among))}")
    return value


def integer(name: str, default: int | None = None, *, least: int = 0) -> int:
    """Read a whole number that is at least `least`.

    Raises:
        EnvError: not a whole number, too small, or required and not set.
    """
    value = text(name, None if default is None else str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise EnvError(f"{name} must be a whole number of at least {least}")
    return int(value)


def words(
    name: str,
    default: str | None = None,
    *,
    schemes: frozenset[str] | None = None,
    form: str | None = None,
    most: int | None = None,
) -> list[str]:
    """Read a list, separated by spaces or commas; with `schemes` one of URLs, `form` being their pattern.

    Raises:
        EnvError: another scheme or form, more than `most`, or required and not set.
    """
    found = text(name, default).replace(",", " ").split()
    if most is not None and len(found) > most:
        raise EnvError(f"{name} must name at most {most}")
    if schemes is not None:
        for each in found:
            _need_scheme(name, each, schemes)
    if form is not None and not all(re.fullmatch(form, each) for each in found):
        raise EnvError(f"{name} must have the form that docker/env.example shows")
    return found


def path(name: str, default: Path | None = None) -> Path:
    """Read a path; a relative one starts in the working directory.

    Raises:
        EnvError: required and not set.
    """
    return Path(text(name, None if default is None else str(default))).expanduser().absolute()


def url(name: str, default: str | None = None, *, schemes: frozenset[str]) -> str:
    """Read an URL of one of the schemes.

    Raises:
        EnvError: another scheme, or required and not set.
    """
    value = text(name, default)
    if value:
        _need_scheme(name, value, schemes)
    return value


def _need_scheme(name: str, value: str, schemes: frozenset[str]) -> None:
    if urlsplit(value).scheme not in schemes:
        raise EnvError(f"{name} must start with one of: {', '.join(sorted(schemes))}")


def database(name: str) -> dict[str, Any] | None:
    """Read a PostgreSQL URL as Django's connection settings; None when it is not set.

    `postgresql://user:password@host:port/name`; a socket directory goes into `?host=/run/postgresql`.

    Raises:
        EnvError: another scheme, no database name, or an unknown option.
    """
    value = url(name, "", schemes=frozenset({"postgres", "postgresql"}))
    if not value:
        return None
    parts = urlsplit(value)
    options = dict(parse_qsl(parts.query))
    if not parts.path.strip("/") or not options.keys() <= {"host", "sslmode"}:
        raise EnvError(f"{name} must name a database, and may have the options host and sslmode")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.get("host") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {"sslmode": options["sslmode"]} if "sslmode" in options else {},
    }
