"""`manage.py mesa_invite`: make invitation codes, one a line."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.invitations import DEFAULT_DAYS, MAX_AT_ONCE, MAX_DAYS, make_invitations


class Command(BaseCommand):
    """Print new codes; nothing keeps them, so they are seen this once."""

    help = "Make invitation codes, each good for one account, and print them one a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=up_to(MAX_AT_ONCE), default=1, help="how many (default: 1)")
        parser.add_argument(
            "--days",
            type=up_to(MAX_DAYS),
            default=DEFAULT_DAYS,
            help="how long they are good (default: %(default)s)",
        )

    def handle(self, *, count: int, days: int, **_: Any) -> None:
        for code in make_invitations(count=count, days=days):
            self.stdout.write(code)
        if settings.REGISTRATION != "invitation":
            sys.stderr.write(f"Nobody needs these: MESA_REGISTRATION is {settings.REGISTRATION}.\n")


def up_to(most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from 1 to a limit."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"a whole number from 1 to {most}")
        return int(text)

    return read
