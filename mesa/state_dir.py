"""The state directory of the embedded default: database, secret key, lock file and the store's socket."""

import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

# The kernel takes 108 bytes; clients add some of their own.
SOCKET_PATH_BYTES = 100
SECRET_BYTES = 48


class StateDirError(Exception):
    """The state directory can not be used as it is; the message says what to do."""


def make_private(directory: Path) -> Path:
    """Make a directory that only this user can enter.

    Raises:
        StateDirError: it exists and belongs to somebody else, or is not a directory.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise _unusable(directory, error) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StateDirError(f"{directory} is not a directory of this user")
    if found.st_mode & 0o077:
        directory.chmod(0o700)
    return directory


def store_socket(state_dir: Path) -> Path:
    """Path of the embedded store's socket: in the state directory, or in a short one when that is too long.

    The short one is derived from the state directory, so that every process of the tree finds the same.
    """
    socket = state_dir / "store.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES:
        return socket
    digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mesa-{os.getuid()}-{digest}" / "store.sock"


def store_url(state_dir: Path) -> str:
    return "unix://" + quote(str(store_socket(state_dir)))


def secret_key(state_dir: Path) -> str:
    """Read the key of this installation; made once, readable by its owner only.

    Raises:
        StateDirError: the directory can not be used.
    """
    file = make_private(state_dir) / "secret-key"
    try:
        if not file.exists():
            _make_secret_key(file)
        return file.read_text()
    except OSError as error:
        raise _unusable(state_dir, error) from error


def _make_secret_key(file: Path) -> None:
    draft = file.with_name(f"secret-key.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(SECRET_BYTES))
        # A link fails where a rename overwrites: of two processes that start at once, one key wins.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _unusable(directory: Path, error: OSError) -> StateDirError:
    return StateDirError(f"can not use the directory {directory}: {error.strerror}")
