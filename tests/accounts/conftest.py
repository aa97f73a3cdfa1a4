"""All tests here have a database and a store with nothing in it."""

import pytest

from mesa import store


@pytest.fixture(autouse=True)
def empty_world(db: None, empty_store: store.Client) -> None:
    """A test that needs real commits says so: `django_db(transaction=True)`."""
