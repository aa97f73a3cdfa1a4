"""Passwords and codes: from a prompt, a file or standard input, never from the command line."""

import getpass
import sys
from argparse import Namespace
from pathlib import Path

from peer_agent.crypto.errors import BadRecoveryCode
from peer_agent.crypto.identity import RecoveryCode, read_recovery_code
from peer_agent.enrolling import grouped, require_new_file, write_code
from peer_agent.errors import UsageError
from peer_agent.sign_up import MIN_PASSWORD_SIGNS, checked_password

NO_PASSWORD = "No password was given."  # noqa: S105  a sentence
TRIES = 3


class UnfitPassword(ValueError):
    """What was typed can not be a new password; another one can."""


def read_password(options: Namespace) -> str:
    """Get the password of the account from where the options say.

    Raises:
        UsageError: there is nowhere to get it from, or none was given.
    """
    given = _given_password(options)
    return _ask("Password: ") if given is None else given


def read_new_password(options: Namespace, prompt: str = "Password") -> str:
    """Get a password for an account to have: one that is typed, is typed twice.

    Raises:
        UsageError: there is nowhere to get it from, none was given, it is too short, or the two differ.
    """
    given = _given_password(options)
    if given is not None:
        return checked_password(given)
    for left in reversed(range(TRIES)):
        try:
            return _typed_twice(prompt)
        except UnfitPassword as error:
            if not left:
                raise UsageError(str(error)) from None
            sys.stderr.write(f"{error}\n")
    raise AssertionError("there is a first try")


def _typed_twice(prompt: str) -> str:
    """Ask for a new password, and once more for the same.

    Raises:
        UnfitPassword: it is too short, or the two differ.
        UsageError: none was given.
    """
    typed = _ask(f"{prompt} (at least {MIN_PASSWORD_SIGNS} characters): ")
    try:
        password = checked_password(typed)
    except UsageError as error:
        raise UnfitPassword(str(error)) from None
    if _ask("The same password again: ") != password:
        raise UnfitPassword("The two passwords differ.")
    return password


def _given_password(options: Namespace) -> str | None:
    """The password from a file or standard input; None if it is to be typed."""
    if options.password_file is not None:
        password = first_line(options.password_file)
    elif options.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        return None
    else:
        raise UsageError("There is no terminal to ask on: use --password-file or --password-stdin.")
    if not password:
        raise UsageError(NO_PASSWORD)
    return password


def _ask(prompt: str) -> str:
    """Ask for a password on the terminal."""
    try:
        password = getpass.getpass(prompt)
    except EOFError:
        password = ""
        sys.stderr.write("\n")
    if not password:
        raise UsageError(NO_PASSWORD)
    return password


def read_replaced_password(options: Namespace) -> str:
    """Get the password that is to take the place of another one.

    Raises:
        UsageError: as `read_new_password`.
    """
    source = Namespace(password_file=options.new_password_file, password_stdin=options.new_password_stdin)
    return read_new_password(source, prompt="New password")


def read_code(options: Namespace) -> RecoveryCode:
    """Get the recovery code from where the options say, as its owner wrote it down.

    Raises:
        UsageError: there is nowhere to get it from, or what was given is no code.
    """
    if options.recovery_file is not None:
        typed = first_line(options.recovery_file)
    elif options.recovery_stdin:
        typed = sys.stdin.readline()
    elif sys.stdin.isatty():
        typed = _ask("Recovery code: ")
    else:
        raise UsageError("There is no terminal to ask on: use --recovery-file or --recovery-stdin.")
    try:
        return read_recovery_code(typed.strip())
    except BadRecoveryCode as error:
        raise UsageError(str(error)) from error


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


def require_way_for_recovery_code(options: Namespace) -> None:
    """See to it that the recovery code can be handed to its owner, before there is one.

    Raises:
        UsageError: there is no terminal and no file named, or the file is there already or can not be made.
    """
    path: Path | None = options.recovery_file
    if path is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("The recovery code needs a terminal, or --recovery-file.")
    else:
        require_new_file(path)


def hand_over_recovery_code(options: Namespace, username: str, code: RecoveryCode) -> None:
    """Give the recovery code to its owner: into a new file, or on the terminal until it was typed back.

    Raises:
        UsageError: the file is there already, or the code was not confirmed.
    """
    if options.recovery_file is not None:
        write_code(options.recovery_file, code)
        return
    sys.stdout.write(
        f"\nRecovery code of {username}. It brings your account back when this device is lost, and sets a\n"
        "new password. Nobody else has the code, and nobody can give you another one:\n\n"
        f"    {grouped(code)}\n\n"
    )
    for _ in range(TRIES):
        try:
            if read_recovery_code(input("Write it down, then type it here: ")) == code:
                return
        except BadRecoveryCode:
            pass
        except EOFError:
            sys.stdout.write("\n")
            break
        sys.stdout.write("That is not the code.\n")
    raise UsageError("The recovery code was not confirmed: run `mesa-peer register` again to see it.")
