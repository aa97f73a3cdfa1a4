"""`mesa-peer`: reads the command line, runs one command, and ends with a documented exit code.

Spec: docs/spec/agent.md, section "Exit codes"
"""

import logging
import math
import os
import sys
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable, Coroutine, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from peer_agent.cli_account import accept, contacts, login, logout, register, request
from peer_agent.cli_blocking import block, ignore, unblock
from peer_agent.cli_direct import direct
from peer_agent.cli_forward import forward
from peer_agent.cli_guards import guards
from peer_agent.cli_history import history
from peer_agent.cli_identity import password, recover
from peer_agent.cli_listen import listen
from peer_agent.cli_loop import Terminated, run
from peer_agent.cli_output import Output
from peer_agent.cli_run import run as run_command
from peer_agent.cli_secrets import read_passphrase
from peer_agent.cli_send import send
from peer_agent.cli_settings import SUITE_2_CHOICES, VISIBILITIES, remove_account, settings
from peer_agent.cli_status import status
from peer_agent.cli_verify import verify
from peer_agent.config import DEFAULT_SERVER, Config, server_url
from peer_agent.errors import AgentError, ExitCode
from peer_agent.orphaned import ended_login, explain
from peer_agent.state_dir import default_state_dir

logger = logging.getLogger(__name__)

# One that asks on the terminal runs the loop itself, after it asked.
Command = Callable[[Namespace, Config, Output], Coroutine[Any, Any, None] | None]

# The places of the command line that may stay empty.
MAY_COME_LATE = {send: "text", request: "greeting"}
DEFAULT_TIMEOUT_S = 60.0
FINGERPRINT_BYTES = 32
# They write addresses and descriptions into their logs.
TALKATIVE = ("aioice", "aiortc", "httpx", "httpcore", "websockets")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `mesa-peer`; returns its exit code."""
    fill_standard_streams()
    options = parsed(arguments)
    if options.command is None:
        parser().print_help(sys.stderr)
        return ExitCode.USAGE
    output = Output(options.json)
    set_up_logging(is_debug=options.debug)
    try:
        command: Command = options.command
        work = command(options, _config(options), output)
        if work is not None:
            run(work)
    except KeyboardInterrupt:
        output.clear_progress()
        return ExitCode.INTERRUPTED
    except Terminated:
        output.clear_progress()
    except Exception as error:
        if options.debug:
            logger.exception("the command failed")
        ended = ended_login(error)
        failure = root_of(error if ended is None else run(explain(_config(options), ended)))
        output.failure(*failure)
        return failure[1]
    return ExitCode.OK


def parsed(arguments: Sequence[str] | None) -> Namespace:
    """Read the command line; what may be left out may also stand behind options."""
    whole = parser()
    options, rest = whole.parse_known_args(arguments, _defaults())
    place = MAY_COME_LATE.get(options.command)
    if place and len(rest) == 1 and not getattr(options, place) and not rest[0].startswith("--"):
        # argparse fills an optional place with nothing as soon as it comes to an option.
        setattr(options, place, rest.pop())
    if rest:
        whole.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def fill_standard_streams() -> None:
    """Put nothing in the place of standard streams that are closed: a socket there would stop the loop."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def set_up_logging(*, is_debug: bool) -> None:
    """Log to standard error, and never what other packages write about addresses and frames."""
    level = logging.DEBUG if is_debug else logging.ERROR
    logging.basicConfig(level=level, format="%(name)s: %(message)s")
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def root_of(error: BaseException) -> tuple[str, ExitCode]:
    """The sentence and the exit code for a failure; of several at once, one that a person can act on."""
    if isinstance(error, AgentError):
        return str(error), error.exit_code
    if isinstance(error, BaseExceptionGroup):
        found = [root_of(each) for each in error.exceptions]
        return next((each for each in found if each[1] is not ExitCode.DEFECT), found[0])
    return (
        f"Something went wrong that should not ({type(error).__name__}): --debug tells more.",
        ExitCode.DEFECT,
    )


def _config(options: Namespace) -> Config:
    return Config(
        state_dir=options.state,
        server=None if options.server is None else server_url(options.server, allows_http=options.allow_http),
        passphrase=read_passphrase(options),
        forwards=options.forwards,
        accepts_all=options.accept_all,
        command=f"mesa-peer {_word(options.command)}",
        turn_only=options.turn_only,
    )


def _defaults() -> Namespace:
    """Values of options that may stand before or after the command."""
    return Namespace(
        command=None,
        state=default_state_dir(),
        server=None,
        allow_http=False,
        json=False,
        debug=False,
        passphrase_file=None,
        forwards=False,
        accept_all=False,
        turn_only=None,
    )


def parser() -> ArgumentParser:
    """The command line."""
    shared = _shared_options()
    whole = ArgumentParser(
        "mesa-peer",
        description="The headless Mesa peer.",
        epilog="`mesa-peer COMMAND --help` tells more about one. The first is `mesa-peer register USER`.",
        parents=[shared],
    )
    whole.add_argument("--version", action="version", version=f"mesa-peer {_version()}")
    commands = whole.add_subparsers(metavar="COMMAND", title="commands")

    def add(command: Command) -> ArgumentParser:
        sentence = (command.__doc__ or "").strip()
        made = commands.add_parser(_word(command), help=sentence, description=sentence, parents=[shared])
        made.set_defaults(command=command)
        return made

    _add_login_commands(add)
    _add_contact_commands(add)
    _add_settings_commands(add)
    _add_state_commands(add)
    _add_message_commands(add)
    return whole


def _word(command: Command) -> str:
    """How a command is called."""
    return command.__name__.replace("_", "-")


def _shared_options() -> ArgumentParser:
    shared = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    place = str(default_state_dir()).replace("%", "%%")
    shared.add_argument(
        "--state", type=Path, metavar="DIR", help=f"state directory of this device (default: {place})"
    )
    shared.add_argument(
        "--server", metavar="URL", help=f"server to register at (default: {DEFAULT_SERVER}); known afterwards"
    )
    shared.add_argument(
        "--allow-http",
        action="store_true",
        help="take http:// beyond this machine; shows the password on the way",
    )
    shared.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    shared.add_argument("--passphrase-file", type=Path, metavar="FILE", help="passphrase of the local store")
    shared.add_argument("--debug", action="store_true", help="show what happens inside")
    return shared


def _add_login_commands(add: Callable[[Command], ArgumentParser]) -> None:
    registering = add(register)
    registering.add_argument("user", metavar="USER", help="your user name to be")
    registering.add_argument(
        "--recovery-file", type=Path, metavar="FILE", help="write the recovery code into this new file"
    )
    registering.add_argument(
        "--invitation", metavar="CODE", default="", help="the operator's code, where the server asks for one"
    )
    recovering, changing = add(recover), add(password)
    recovering.add_argument("user", metavar="USER", help="your user name")
    for made in (recovering, changing):
        _add_source(made, "recovery", "the recovery code")
    changing.add_argument("--forgotten", action="store_true", help="use the recovery code in its place")
    for made in (registering, recovering, changing, add(login)):
        _add_source(made, "password", "the password")
    _add_turn_choice(registering)
    _add_source(changing, "new-password", "the new password")
    add(logout)


def _add_contact_commands(add: Callable[[Command], ArgumentParser]) -> None:
    asking = add(request)
    asking.add_argument("user", metavar="USER", help="who is asked")
    asking.add_argument(
        "greeting", metavar="GREETING", nargs="?", default="", help="what they read beside your name"
    )
    asking.add_argument(
        "--fingerprint",
        type=_fingerprint,
        metavar="HEX",
        help="of an invitation; finds hidden users, too",
    )
    add(accept).add_argument("user", metavar="USER", help="who asked you")
    add(ignore).add_argument("user", metavar="USER", help="who asked you")
    add(block).add_argument("user", metavar="USER", help="a contact, or who asked you")
    add(unblock).add_argument("user", metavar="USER", help="who was blocked")
    add(contacts)
    verifying = add(verify)
    verifying.add_argument("user", metavar="USER", help="a contact")
    verifying.add_argument("--number", metavar="DIGITS", help="the safety number as the other end reads it")
    verifying.add_argument("--accept-new", action="store_true", help="go on with keys that changed")


def _add_settings_commands(add: Callable[[Command], ArgumentParser]) -> None:
    changing = add(settings)
    changing.add_argument(
        "--visibility",
        choices=VISIBILITIES,
        help="who finds your name: by its beginning, all of it, nobody",
    )
    changing.add_argument(
        "--suite-2",
        choices=SUITE_2_CHOICES,
        help="whether devices without ML-KEM, not protected against future quantum computers, are talked to",
    )
    removing = add(remove_account)
    _add_source(removing, "password", "the password")
    removing.add_argument("--yes", action="store_true", help="do not ask whether this is meant")
    removing.add_argument(
        "--local-only", action="store_true", help="remove what is on this device, and ask no server"
    )


def _add_state_commands(add: Callable[[Command], ArgumentParser]) -> None:
    add(status)
    guarding = add(guards)
    guarding.add_argument("--replace", action="store_true", help="let another come in the place of one")


def _add_source(made: ArgumentParser, name: str, what: str) -> None:
    source = made.add_mutually_exclusive_group()
    source.add_argument(f"--{name}-file", type=Path, metavar="FILE", help=f"take {what} from its first line")
    source.add_argument(f"--{name}-stdin", action="store_true", help=f"take {what} from standard input")


def _add_message_commands(add: Callable[[Command], ArgumentParser]) -> None:
    forwarding = add(forward)
    forwarding.set_defaults(forwards=True)
    _add_turn_choice(forwarding)
    add(history).add_argument("user", metavar="USER", nargs="?", help="messages with this contact only")
    listening = add(listen)
    _add_receiving_options(listening)
    _add_receiving_options(add(run_command))
    listening.add_argument("--echo", action="store_true", help="answer each message with its own text")
    sending = add(send)
    _add_turn_choice(sending)
    sending.add_argument("user", metavar="USER", help="a contact")
    sending.add_argument(
        "text", metavar="TEXT", nargs="?", help="the message; - reads it from standard input"
    )
    sending.add_argument(
        "--direct", action="store_true", help="over a link to the contact itself, and in no other way"
    )
    sending.add_argument("--lines", action="store_true", help="each line of standard input is a message")
    agreeing = add(direct)
    _add_turn_choice(agreeing)
    agreeing.add_argument("user", metavar="USER", help="a contact")
    answer = agreeing.add_mutually_exclusive_group()
    answer.add_argument("--accept", action="store_true", help="say yes to a contact who asked")
    answer.add_argument("--end", action="store_true", help="want none, or no more")
    for made in (sending, agreeing):
        made.add_argument(
            "--timeout",
            type=_seconds,
            default=DEFAULT_TIMEOUT_S,
            metavar="SECONDS",
            help="how long to wait for the receipts (default: %(default)g)",
        )


def _add_receiving_options(command: ArgumentParser) -> None:
    command.set_defaults(forwards=True)
    _add_turn_choice(command)
    command.add_argument(
        "--no-forward", dest="forwards", action="store_false", help="pass on no cells of others"
    )
    command.add_argument("--accept-all", action="store_true", help="accept every contact request")


def _add_turn_choice(command: ArgumentParser) -> None:
    command.add_argument(
        "--relay-only",
        dest="turn_only",
        action=BooleanOptionalAction,
        help="show other peers the address of a TURN server instead of this device's own, now and later",
    )


def _fingerprint(text: str) -> bytes:
    try:
        fingerprint = bytes.fromhex(text)
    except ValueError:
        fingerprint = b""
    if len(fingerprint) != FINGERPRINT_BYTES:
        raise ArgumentTypeError(f"a fingerprint has {2 * FINGERPRINT_BYTES} digits 0 to 9 and a to f")
    return fingerprint


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ArgumentTypeError("seconds are a number above 0")
    return seconds


def _version() -> str:
    try:
        return metadata.version("mesa-messenger")
    except metadata.PackageNotFoundError:
        return "(not installed: run from a checkout)"


if __name__ == "__main__":
    sys.exit(main())
