"""`mesa-peer`: reads the command line, runs one command, and ends with a documented exit code.

Spec: docs/spec/agent.md, section "Exit codes"
"""

import asyncio
import logging
import signal
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from peer_agent.cli_account import accept, contacts, login, logout, register, request, status
from peer_agent.cli_forward import forward
from peer_agent.cli_history import history
from peer_agent.cli_messages import listen, send
from peer_agent.cli_output import Output
from peer_agent.cli_secrets import read_passphrase
from peer_agent.config import Config, server_url
from peer_agent.errors import AgentError, ExitCode
from peer_agent.state_dir import default_state_dir

logger = logging.getLogger(__name__)

Command = Callable[[Namespace, Config, Output], Awaitable[None]]

DEFAULT_TIMEOUT_S = 60.0
# They write addresses and descriptions into their logs.
TALKATIVE = ("aioice", "aiortc", "httpx", "httpcore", "websockets")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `mesa-peer`; returns its exit code."""
    options = parser().parse_args(arguments, _defaults())
    output = Output(options.json)
    logging.basicConfig(
        level=logging.DEBUG if options.debug else logging.ERROR, format="%(name)s: %(message)s"
    )
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        run(_command(options, output))
    except KeyboardInterrupt:
        output.clear_progress()
        return ExitCode.INTERRUPTED
    except Exception as error:
        if options.debug:
            logger.exception("the command failed")
        failure = root_of(error)
        output.failure(*failure)
        return failure[1]
    return ExitCode.OK


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


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, on uvloop where there is one; SIGTERM ends it in order."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        loop = runner.get_loop()
        runner.run(_until_terminated(work, loop))


async def _until_terminated(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
    task = loop.create_task(work)
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        outer = asyncio.current_task()
        if outer is not None and outer.cancelling():
            # Interrupted from the keyboard, not terminated.
            raise


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    # Two to three times the cells a second of asyncio's own loop; there is none for Windows.
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _command(options: Namespace, output: Output) -> None:
    config = Config(
        state_dir=options.state,
        server=None if options.server is None else server_url(options.server),
        passphrase=read_passphrase(options),
        forwards=options.forwards,
        accepts_all=options.accept_all,
    )
    command: Command = options.command
    await command(options, config, output)


def _defaults() -> Namespace:
    """Values of options that may stand before or after the command."""
    return Namespace(
        state=default_state_dir(),
        server=None,
        json=False,
        debug=False,
        passphrase_file=None,
        forwards=False,
        accept_all=False,
    )


def parser() -> ArgumentParser:
    """The command line."""
    shared = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    shared.add_argument("--state", type=Path, metavar="DIR", help="state directory of this device")
    shared.add_argument("--server", metavar="URL", help="server to register at")
    shared.add_argument("--json", action="store_true", help="one JSON object a line")
    shared.add_argument("--passphrase-file", type=Path, metavar="FILE", help="passphrase of the local store")
    shared.add_argument("--debug", action="store_true", help="show what happens inside")
    whole = ArgumentParser("mesa-peer", description="The headless Mesa peer.", parents=[shared])
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def add(command: Command) -> ArgumentParser:
        sentence = (command.__doc__ or "").strip()
        made = commands.add_parser(command.__name__, help=sentence, description=sentence, parents=[shared])
        made.set_defaults(command=command)
        return made

    _add_account_commands(add)
    _add_message_commands(add)
    return whole


def _add_account_commands(add: Callable[[Command], ArgumentParser]) -> None:
    for command in (register, login):
        made = add(command)
        source = made.add_mutually_exclusive_group()
        source.add_argument("--password-file", type=Path, metavar="FILE")
        source.add_argument("--password-stdin", action="store_true")
        if command is register:
            made.add_argument("user")
            made.add_argument(
                "--recovery-file", type=Path, metavar="FILE", help="write the recovery code here"
            )
    add(logout)
    asking = add(request)
    asking.add_argument("user")
    asking.add_argument("--greeting", default="", metavar="TEXT")
    add(accept).add_argument("user")
    add(contacts)
    add(status)


def _add_message_commands(add: Callable[[Command], ArgumentParser]) -> None:
    add(forward).set_defaults(forwards=True)
    add(history).add_argument("user", nargs="?", help="messages with this contact only")
    listening = add(listen)
    listening.set_defaults(forwards=True)
    listening.add_argument("--no-forward", dest="forwards", action="store_false", help="carry no other cells")
    listening.add_argument("--accept-all", action="store_true", help="accept every contact request")
    listening.add_argument("--echo", action="store_true", help="answer each message with its own text")
    sending = add(send)
    sending.add_argument("user")
    sending.add_argument("text", nargs="?", help="the message; - reads it from standard input")
    sending.add_argument("--lines", action="store_true", help="each line of standard input is a message")
    sending.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_S, metavar="SECONDS")


if __name__ == "__main__":
    sys.exit(main())
