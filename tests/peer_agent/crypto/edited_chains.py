"""Good chains with one error each, for both implementations."""

from .vector_files import load

CASES = load("identity", "next-statement")
CHAINS = [tuple(bytes.fromhex(each) for each in (*case["statements"], case["statement"])) for case in CASES]
PREFIXES = {chain[:length] for chain in CHAINS for length in range(1, len(chain) + 1)}
STATEMENTS = sorted({statement for chain in CHAINS for statement in chain})
ERRORS = ("put", "cut", "insert", "swap", "drop", "splice")

Chain = tuple[bytes, ...]


def edited(chain: Chain, how: str, at: int, new: bytes) -> Chain:
    """A chain after one error."""
    *before, last = chain
    place = at % len(chain)
    match how:
        case "put":
            return (*before, last[:at] + new + last[at + len(new) :])
        case "cut":
            return (*before, last[:at] + last[at + len(new) :])
        case "insert":
            return (*before, last[:at] + new + last[at:])
        case "swap":
            return (*chain[:place], last, *before)
        case "drop":
            return (*chain[:place], *chain[place + 1 :])
    return (*before[:place], STATEMENTS[at % len(STATEMENTS)])


def edited_chain(drawn: bytes) -> Chain:
    """The chain and the error that drawn bytes stand for."""
    at = int.from_bytes(drawn[2:4], "big") % 300
    return edited(CHAINS[drawn[0] % len(CHAINS)], ERRORS[drawn[1] % len(ERRORS)], at, drawn[4:])
