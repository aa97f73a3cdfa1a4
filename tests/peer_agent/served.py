"""ada's state directory, closed, at a server of dictionaries that listens on a port of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from peer_agent.account import save_account, save_tokens
from peer_agent.rest import Tokens
from tests.peer_agent.devices import Device, acquaint, begin_session
from tests.peer_agent.fake_server import LATER
from tests.peer_agent.listening_server import Server, listening


@dataclass
class Served:
    """ada, whose contact is bo, and her server."""

    path: Path
    ada: Device
    bo: Device
    server: Server
    address: str

    def change(self, work: Callable[[Device], object]) -> None:
        """Do something with ada's device while nobody else has its store."""
        self.ada.open()
        work(self.ada)
        self.ada.store.close()


def log_in_at(address: str, device: Device) -> None:
    """Give a device's store an account and tokens of the server at this address."""
    with device.store.transaction():
        save_account(device.store, replace(device.account, server=address))
        save_tokens(device.store, Tokens(LATER, "refresh"))


@contextmanager
def serve_ada(folder: Path, *, greets: bool = True) -> Iterator[Served]:
    """Make ada and bo contacts, and serve ada; `greets`: session sockets are welcomed."""
    ada = Device(folder / "ada", "ada")
    bo = Device(folder / "bo", "bo", time=ada.time)
    acquaint(ada, bo)
    # bo writes first, too.
    begin_session(bo, ada)
    server = Server()
    server.greets = greets
    for device in (ada, bo):
        server.add(device.account)
    with listening(server, "ada") as address:
        log_in_at(address, ada)
        ada.store.close()
        yield Served(ada.path, ada, bo, server, address)
        bo.store.close()
