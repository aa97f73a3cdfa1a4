"""Where rows stand in their table: on SQLite the order in which they came can be read off a copy of the file.

Of PostgreSQL this is not kept away. See docs/threat-model.md, T-20.
"""

from collections.abc import Sequence

from django.db import connection
from django.db.models import Model


def scatter(model: type[Model], keys: Sequence[object]) -> None:
    """Move rows to random places of their table, in the transaction that wrote them."""
    if connection.vendor != "sqlite" or not keys:
        return
    key = model._meta.pk
    table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(key.attname)
    places = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        # SQLite stores a table by its hidden number, which otherwise counts up.
        cursor.execute(
            f"UPDATE {table} SET rowid = random() WHERE {column} IN ({places})",  # noqa: S608 - names of models
            [key.get_db_prep_value(each, connection) for each in keys],
        )
