"""The JSON that the API reads: each key once, numbers that are numbers, and no nesting without end."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """Refuses what two parsers could read in two ways."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read a body.

        Raises:
            ParseError: not JSON in UTF-8, a key twice, NaN or Infinity, or nested too deeply.
        """
        try:
            return json.loads(
                stream.read().decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
            )
        except (ValueError, RecursionError):
            raise ParseError from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError
    return found


def _refuse_constant(_: str) -> NoReturn:
    raise ParseError
