"""Commands that programs write, one JSON object a line: the closed set, strictly parsed. Pure.

Spec: docs/spec/agent.md, section "Programs"
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from p2p.protocol.errors import BadFrame
from p2p.protocol.fields import Codec, number, parse_record, wire

# A message of 64 KiB, each byte of it written as an escape, and the keys.
LINE_BYTES = 512 * 1_024
MAX_ID_SIGNS = 64
MAX_ID_NUMBER = 2**53 - 1
MAX_HISTORY = 1_000

CommandId = str | int


class BadCommand(Exception):
    """A line that is no command; `command_id` if it names one all the same."""

    def __init__(self, sentence: str, command_id: CommandId | None = None) -> None:
        super().__init__(sentence)
        self.command_id = command_id


def _parse_text(value: object) -> str:
    if not isinstance(value, str):
        raise BadFrame("a text is missing")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadFrame("a text is not Unicode") from None
    return value


text = Codec(_parse_text, lambda value: value)


@dataclass(frozen=True, slots=True)
class Send:
    """Accept a message for a contact."""

    NAME: ClassVar = "send"
    user: str = wire(text)
    text: str = wire(text)


@dataclass(frozen=True, slots=True)
class Request:
    """Ask a user to become a contact."""

    NAME: ClassVar = "request"
    user: str = wire(text)
    greeting: str = wire(text)


@dataclass(frozen=True, slots=True)
class Accept:
    """Say yes to a user who asked."""

    NAME: ClassVar = "accept"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Leave a contact request without an answer."""

    NAME: ClassVar = "ignore"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class Block:
    """Take nothing more from somebody, and send nothing."""

    NAME: ClassVar = "block"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class Unblock:
    """Let somebody in again."""

    NAME: ClassVar = "unblock"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class Contacts:
    """List contacts and requests."""

    NAME: ClassVar = "contacts"


@dataclass(frozen=True, slots=True)
class History:
    """The latest messages with a contact."""

    NAME: ClassVar = "history"
    user: str = wire(text)
    last: int = wire(number(1, MAX_HISTORY))


@dataclass(frozen=True, slots=True)
class Verify:
    """The safety number with a contact, and what is wrong with their keys."""

    NAME: ClassVar = "verify"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class AskDirect:
    """Ask a contact for direct links."""

    NAME: ClassVar = "ask_direct"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class AcceptDirect:
    """Say yes to a contact who asks for direct links."""

    NAME: ClassVar = "accept_direct"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class SendDirect:
    """Accept a message for a contact that goes over a direct link and in no other way."""

    NAME: ClassVar = "send_direct"
    user: str = wire(text)
    text: str = wire(text)


@dataclass(frozen=True, slots=True)
class EndDirect:
    """Want no direct links with a contact."""

    NAME: ClassVar = "end_direct"
    user: str = wire(text)


@dataclass(frozen=True, slots=True)
class Status:
    """What is wrong, as `mesa-peer status` tells it."""

    NAME: ClassVar = "status"


@dataclass(frozen=True, slots=True)
class Stop:
    """End in order."""

    NAME: ClassVar = "stop"


OfDirect = AskDirect | AcceptDirect | SendDirect | EndDirect
OfPeople = Request | Accept | Ignore | Block | Unblock | Contacts | History | Verify
Command = Send | OfPeople | OfDirect | Status | Stop
KINDS: dict[str, type[Command]] = {kind.NAME: kind for kind in Command.__args__}


def read_command(line: bytes) -> tuple[CommandId, Command]:
    """Read one line.

    Raises:
        BadCommand: it is too long, not UTF-8, not JSON, or not exactly one of the commands.
    """
    content = _object(line)
    command_id = _command_id(content.pop("id", None))
    word = content.pop("command", None)
    kind = KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        raise BadCommand(f"`command` is one of {', '.join(KINDS)}.", command_id)
    try:
        return command_id, parse_record(kind, content)
    except BadFrame as error:
        keys = ", ".join(["id", "command", *kind.__dataclass_fields__])
        raise BadCommand(f"`{kind.NAME}` has exactly the keys {keys}: {error}.", command_id) from None


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LINE_BYTES:
        raise BadCommand(f"A line has at most {LINE_BYTES:,} bytes.")
    try:
        content: object = json.loads(
            line.decode(), object_pairs_hook=_unique_keys, parse_constant=_refuse, parse_float=_refuse
        )
    except UnicodeDecodeError:
        raise BadCommand("A line is UTF-8 text.") from None
    except (ValueError, RecursionError):
        raise BadCommand("A line is one JSON object, with no key twice and whole numbers only.") from None
    if not isinstance(content, dict):
        raise BadCommand("A line is one JSON object.")
    return content


def _command_id(value: object) -> CommandId:
    is_text = isinstance(value, str) and 1 <= len(value) <= MAX_ID_SIGNS and _is_unicode(value)
    if is_text or (type(value) is int and 0 <= value <= MAX_ID_NUMBER):
        return value  # type: ignore[return-value]  # one of the two it was just found to be
    raise BadCommand(f"`id` is a text of 1 to {MAX_ID_SIGNS} signs, or a whole number below 2^53.")


def _is_unicode(value: str) -> bool:
    try:
        _parse_text(value)
    except BadFrame:
        return False
    return True


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise ValueError("a number is not a whole number")
