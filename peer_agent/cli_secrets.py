"""Passwords and codes: from a prompt, a file or standard input, never from the command line."""

import getpass
import sys
from argparse import Namespace
from pathlib import Path

from peer_agent.crypto.errors import BadRecoveryCode
from peer_agent.crypto.identity import RecoveryCode, read_recovery_code
from peer_agent.errors import UsageError
from peer_agent.state_dir import write_private

GROUP = 5


def read_password(options: Namespace, *, is_new: bool = False) -> str:
    """Get the password from where the options say.

    Raises:
        UsageError: there is nowhere to get it from, or the two typed passwords differ.
    """
    if options.password_file is not None:
        return first_line(options.password_file)
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask on: use --password-file or --password-stdin.")
    password = getpass.getpass("Password: ")
    if is_new and getpass.getpass("The same password again: ") != password:
        raise UsageError("The two passwords differ.")
    return password


def read_passphrase(options: Namespace) -> str | None:
    """Get the passphrase of the local store, if there is one."""
    return None if options.passphrase_file is None else first_line(options.passphrase_file)


def first_line(path: Path) -> str:
    """Read the first line of a file.

    Raises:
        UsageError: the file can not be read.
    """
    try:
        return path.read_text("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The file {path} can not be read.") from error


def may_show_recovery_code(options: Namespace) -> bool:
    """Tell whether there is a way to hand the recovery code to its owner."""
    return options.recovery_file is not None or (sys.stdin.isatty() and sys.stdout.isatty())


def hand_over_recovery_code(options: Namespace, code: RecoveryCode) -> None:
    """Give the recovery code to its owner: into a new file, or on the terminal until it was typed back.

    Raises:
        UsageError: the file is there already, or the code was not confirmed.
    """
    if options.recovery_file is not None:
        try:
            write_private(options.recovery_file, f"{grouped(code)}\n".encode("ascii"))
        except OSError as error:
            raise UsageError(f"The file {options.recovery_file} can not be written.") from error
        return
    sys.stdout.write(
        "\nYour recovery code. It signs for you when this device is lost.\n"
        "Nobody else has it, and nobody can give you another one:\n\n"
        f"    {grouped(code)}\n\n"
    )
    for _ in range(3):
        try:
            if read_recovery_code(input("Write it down, then type it here: ")) == code:
                return
        except BadRecoveryCode:
            pass
        sys.stdout.write("That is not the code.\n")
    raise UsageError("The recovery code was not confirmed: run `mesa-peer register` again to see it.")


def grouped(code: RecoveryCode) -> str:
    """A code in groups that are easy to read out."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))
