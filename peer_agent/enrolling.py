"""Makes an account without anybody at a terminal: keys, login, stocks, and the recovery code in a file.

Spec: docs/spec/agent.md, section "Commands", `register`
"""

import os
from pathlib import Path

from peer_agent import sign_up
from peer_agent.account import load_account, load_tokens
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.crypto.identity import RecoveryCode
from peer_agent.desk import fill_stocks, new_store
from peer_agent.errors import UsageError
from peer_agent.state_dir import write_private

GROUP = 5


async def enrol(config: Config, username: str, password: str, recovery_file: Path) -> None:
    """Register a user on `config.server`; an interrupted call goes on where it was when it is made again.

    Raises:
        UsageError: name, password or file can not be used, or the state directory has another account.
        Refused: the name is taken, or the password too easy to guess.
        StateInUse, StoreClosed, ServerUnreachable
    """
    require_new_file(recovery_file)
    if config.server is None:
        raise UsageError("Name the server to register on.")
    name = sign_up.checked_name(username)
    with new_store(config) as store:
        account = load_account(store)
        if account is None or load_tokens(store) is None:
            await sign_up.register(store, config.server, name, password, Clock())
        elif (account.username, account.server) != (name, config.server) or not sign_up.recovery_code(store):
            raise UsageError(f"This state directory has an account already: {account.username}.")
        code = sign_up.recovery_code(store)
        if code is not None:
            write_code(recovery_file, code)
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
        write_private(path, f"{grouped(code)}\n".encode("ascii"))
    except OSError as error:
        raise UsageError(f"The file {path} can not be written.") from error


def grouped(code: RecoveryCode) -> str:
    """A code in groups that are easy to read out."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))
