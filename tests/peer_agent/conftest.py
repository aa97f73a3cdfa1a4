"""Two devices that know each other, without a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peer_agent.devices import Device, acquaint


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path / "ada", "ada")
    yield device
    device.store.close()


@pytest.fixture
def bo(tmp_path: Path, ada: Device) -> Iterator[Device]:
    device = Device(tmp_path / "bo", "bo", time=ada.time)
    acquaint(ada, device)
    yield device
    device.store.close()


@pytest.fixture
def olga(tmp_path: Path, bo: Device) -> Iterator[Device]:
    """Another contact of bo's."""
    device = Device(tmp_path / "olga", "olga", time=bo.time)
    acquaint(device, bo)
    yield device
    device.store.close()
