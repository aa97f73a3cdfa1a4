"""What a run of the agent is told from outside: which state directory, which server, which passphrase."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from peer_agent.errors import UsageError

DEFAULT_SERVER = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one run.

    server: named for `register`; afterwards the account knows it. command: what runs, for whoever finds the
    directory in use. turn_only: None leaves what the device keeps.
    """

    state_dir: Path
    server: str | None = None
    passphrase: str | None = None
    forwards: bool = True
    accepts_all: bool = False
    command: str = ""
    turn_only: bool | None = None


def server_url(text: str, *, allows_http: bool) -> str:
    """Check a server address: https, or http on this machine or if that is wished; a host, nothing behind it.

    Raises:
        UsageError: it is not of that form, or would show the password to everybody on the way.
    """
    parts = _split(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("A server address looks like https://mesa.example.")
    if parts.path not in ("", "/") or parts.username is not None:
        raise UsageError("A server address has a host and a port and nothing else.")
    if parts.scheme == "http" and not (allows_http or _is_this_machine(parts.hostname)):
        raise UsageError("http shows the password to everybody on the way: use https, or --allow-http.")
    return f"{parts.scheme}://{parts.netloc}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        # Read here, since only reading it tells whether it is one.
        _ = parts.port
    except ValueError:
        raise UsageError("A server address looks like https://mesa.example.") from None
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def socket_url(server: str) -> str:
    """Where agents open the session socket of a server."""
    parts = urlsplit(server)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}/ws/agent/"
