"""The filter between every logger and the log: what could name a person, a device or a path does not pass.

It closes by default: a long run of letters and digits is taken for a key unless it reads like words.
"""

import logging
import re
from typing import Final

NEW_LINE = r"(?:\r?\n|\\r\\n|\\n)"
HEX_GROUP = r"[0-9a-f]{1,4}"
IPV6 = rf"""
    (?<![\w:])(?:
        (?:{HEX_GROUP}:){{3,7}}{HEX_GROUP}
        | (?:{HEX_GROUP}:){{1,7}}:(?:[0-9a-f:]*[0-9a-f])?
        | ::(?:{HEX_GROUP}:)*{HEX_GROUP}
    )(?:%\w+)?(?![\w:])
"""

# Order matters: what is recognised as a whole goes first, bare runs of characters last.
RULES: Final = [
    ("[sdp]", rf"\bv=0{NEW_LINE}\S[\s\S]*"),
    ("[sdp]", r"(?:\ba=)?\b(?:candidate|fingerprint|ice-ufrag|ice-pwd|rtcp|ssrc):[^\r\n'\"]*"),
    ("[sdp]", r"\bc=IN\ IP[46]\ \S+|\bo=\S+\ \d+\ \d+\ IN\ IP[46]\ \S+"),
    ("[token]", r"\beyJ[\w-]+(?:\.[\w-]*){0,4}"),
    ("[token]", r"\b(?:bearer|basic)\s+[\w.~+/=-]+"),
    ("[id]", r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])"),
    ("[address]", r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)(?::\d{1,5}\b)?"),
    ("[address]", r"\b[\w-]+(?:\.[\w-]+)*\.local\b"),
    ("[bytes]", r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5,}\b"),
    ("[address]", IPV6),
    ("[bytes]", r"(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])"),
]
COMPILED: Final = [(mark, re.compile(rule, re.IGNORECASE | re.VERBOSE)) for mark, rule in RULES]

RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
# What a path, a module or a function name is made of: words, their separators, and here and there a version.
WORDS: Final = re.compile(
    r"""(?:
        [A-Z]?[a-z]{3,}(?:\d{1,2}(?![A-Za-z0-9]))?
        | (?<![A-Za-z0-9])[A-Z]{3,12}(?![A-Za-z0-9])
        | (?<![A-Za-z])[a-z]{1,2}(?![A-Za-z0-9])
        | (?<![A-Za-z0-9])\d{1,3}(?![A-Za-z0-9])
        | [/_-]
    )+""",
    re.VERBOSE,
)


def scrub(text: str) -> str:
    """Replace whatever looks like an address, a token, an SDP, an id or key bytes."""
    for mark, pattern in COMPILED:
        text = pattern.sub(mark, text)
    return RUN.sub(lambda run: run[0] if WORDS.fullmatch(run[0]) else "[bytes]", text)


class Scrubber(logging.Filter):
    """Rewrites each record to plain scrubbed text: message, arguments and traceback together.

    The arguments are merged first, because a secret may be split over message and argument.
    """

    formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = scrub(self.merged(record))
        record.args = None
        if record.exc_info:
            record.exc_text = record.exc_text or self.formatter.formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        if record.stack_info:
            record.stack_info = scrub(record.stack_info)
        return True

    @staticmethod
    def merged(record: logging.LogRecord) -> str:
        try:
            return record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Logging would print the raw arguments to the error stream.
            return "a log line whose arguments do not fit its message"
