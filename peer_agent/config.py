"""What a run of the agent is told from outside: which state directory, which server, which passphrase."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from peer_agent.errors import UsageError

DEFAULT_SERVER = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one run. `server` is None until a register or login named one."""

    state_dir: Path
    server: str | None = None
    passphrase: str | None = None
    forwards: bool = True
    accepts_all: bool = False


def server_url(text: str) -> str:
    """Check a server address: http or https, a host, nothing behind it.

    Raises:
        UsageError: it is not of that form.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("A server address looks like https://mesa.example.")
    if parts.path not in ("", "/") or parts.username is not None:
        raise UsageError("A server address has a host and a port and nothing else.")
    return f"{parts.scheme}://{parts.netloc}"


def socket_url(server: str) -> str:
    """Where agents open the session socket of a server."""
    parts = urlsplit(server)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}/ws/agent/"
