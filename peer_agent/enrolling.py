"""Makes an account without anybody at a terminal: keys, login, stocks, and the recovery code in a file.

Spec: docs/spec/agent.md, section "Commands", `register`
"""

import os
from pathlib import Path

from peer_agent import sign_up
from peer_agent.account import load_account, load_tokens
from peer_agent.clock import Clock
from peer_agent.config import Config, server_url
from peer_agent.crypto.identity import RecoveryCode
from peer_agent.desk import fill_stocks, new_store
from peer_agent.errors import UsageError
from peer_agent.state_dir import write_private
from peer_agent.store import KEY_NAME

GROUP = 5
# What the lock file names, for whoever finds the directory in use.
PROGRAM = "a program that uses peer_agent"


async def register(
    state_dir: Path | str,
    username: str,
    password: str,
    *,
    server: str,
    recovery_file: Path | str,
    passphrase: str | None = None,
    allow_http: bool = False,
) -> None:
    """Make an account and its state directory; the recovery code goes into a new file.

    An interrupted call goes on where it was when it is made again. allow_http: take http beyond this machine,
    which shows the password to everybody on the way.

    Raises:
        UsageError: name, password, server or file can not be used, or the directory has another account.
        Refused: the name is taken, or the password too easy to guess.
        StateInUse, StoreClosed, ServerUnreachable
    """
    url, file = server_url(server, allows_http=allow_http), Path(recovery_file)
    config = Config(Path(state_dir), server=url, passphrase=passphrase, command=PROGRAM)
    name = sign_up.checked_name(username)
    if not (config.state_dir / KEY_NAME).exists():
        require_new_file(file)
    with new_store(config) as store:
        account, is_written = load_account(store), _holds(file, sign_up.recovery_code(store))
        if not is_written:
            require_new_file(file)
        if account is None or load_tokens(store) is None:
            await sign_up.register(store, url, name, password, Clock())
        elif (account.username, account.server) != (name, url) or not sign_up.recovery_code(store):
            raise UsageError(f"This state directory has an account already: {account.username}.")
        code = sign_up.recovery_code(store)
        if code is not None and not is_written:
            write_code(file, code)
        sign_up.forget_recovery_code(store)
    await fill_stocks(config)


def require_new_file(path: Path) -> None:
    """See to it that a recovery code could be written, before there is one.

    Raises:
        UsageError: the file is there already, or can not be made.
    """
    if path.exists():
        raise UsageError(f"The file {path} exists already.")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise UsageError(f"The file {path} can not be written.")


def write_code(path: Path, code: RecoveryCode) -> None:
    """Write a recovery code into a new file that only its owner can read.

    Raises:
        UsageError: the file is there already, or can not be made.
    """
    try:
        write_private(path, _content(code))
    except OSError as error:
        raise UsageError(f"The file {path} can not be written.") from error


def _holds(path: Path, code: RecoveryCode | None) -> bool:
    """Tell whether an earlier call has written this code, and got no further."""
    try:
        return code is not None and path.read_bytes() == _content(code)
    except OSError:
        return False


def _content(code: RecoveryCode) -> bytes:
    return f"{grouped(code)}\n".encode("ascii")


def grouped(code: RecoveryCode) -> str:
    """A code in groups that are easy to read out."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))
