"""A store server of a test's own, with whatever options the test wants."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.test import override_settings

from mesa import embedded_store, state_dir
from tests.waiting import wait_for


@contextmanager
def running_store(directory: Path, *more: str) -> Iterator[str]:
    """Run a store as Mesa does, with more options; gives its URL, which is the settings' meanwhile."""
    socket = embedded_store.prepare_socket(directory)
    command = [*embedded_store.command(embedded_store.find_server(), socket), *more]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: embedded_store.answers(socket))
            with override_settings(STORE_URL=state_dir.store_url(directory)):
                yield state_dir.store_url(directory)
        finally:
            process.terminate()
        assert process.wait(10) == 0
