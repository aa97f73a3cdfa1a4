"""`manage.py mesa_dump`: print all that the server holds, as JSON, to see for oneself."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from mesa.dumps import take_dump


class Command(BaseCommand):
    """Print every row of every table and every key of the store as one JSON object."""

    help = "Print all that database and store hold, as JSON."

    def handle(self, **_: Any) -> None:
        self.stdout.write(json.dumps(take_dump(), sort_keys=True))
