"""Good chains with errors, for both implementations: some that nobody signed, some signed like good ones."""

from dataclasses import dataclass, replace
from itertools import pairwise

from peer_agent.crypto.identity import DeviceKeys, Suite
from peer_agent.crypto.primitives import Ed25519Private
from peer_agent.crypto.statements import (
    BY_RECOVERY,
    AddDevice,
    RaiseSuite,
    RemoveDevice,
    create_first_statement,
)
from tests.fuzz_edits import Good, edited, how, picked

from .cases.chains import GOOD, OTHERS
from .chains import FIRST, LAPTOP, PHONE, SECOND_KEY, Chain, Signer, grown
from .people import ADA, BO, DAY
from .second_reader import SIGNATURE_BYTES

_HEAD = (1, 1, 4, 32, 4)
_ENTRY = (16, 32, 32, 1)
# Of kinds 1 to 5.
_AFTER_HEAD = ((16, *_ENTRY), (16, 16), (16, 1), (16, 32), (16, *_ENTRY))
_DAY_AT = 38
_SIGNER_AT = 42
# From the end.
_FIRST_KEY_AT = -97
_FIRST_CODE_AT = -32
_NEW_KEY_AT = 74
_NEW_CODE_AT = 58
# The order of the curve: a signature plus this fits the same equation.
_ORDER = 2**252 + 27742317777372353535851937790883648493

_DEVICES = (ADA.device, LAPTOP, PHONE, BO.device)
_CODES = (ADA.recovery, SECOND_KEY, BO.recovery)
_BY_ID: dict[bytes, Ed25519Private] = {
    BY_RECOVERY: ADA.recovery.signing,
    **{each.device_id: each.signing for each in (*_DEVICES, *OTHERS)},
}
_SIGNERS: tuple[Signer, ...] = (*_DEVICES, *_CODES, *OTHERS)
_BY_KEY = {each.signing.public.raw: each.signing for each in _SIGNERS}
# What an attacker has seen, and puts where something else of that size belongs.
_KNOWN: dict[int, list[bytes]] = {
    1: [bytes([number]) for number in (0, 1, 2, 3, 64, 65)],
    4: [(DAY + more).to_bytes(4, "big") for more in (-1, 0, 1, 3, 9)],
    16: [BY_RECOVERY, *(each.device_id for each in _DEVICES)],
    32: [*_BY_KEY, *(each.agreement.public.raw for each in _DEVICES)],
}


@dataclass(frozen=True)
class Last:
    """A good chain, with what its last statement says apart from its signatures."""

    chain: Chain
    said: Good
    signers: tuple[Ed25519Private, ...]

    @classmethod
    def of(cls, chain: Chain, *signers: Signer) -> "Last":
        said = chain[-1][: -SIGNATURE_BYTES * len(signers)]
        return cls(chain, _with_fields(said), tuple(each.signing for each in signers))


def _with_fields(raw: bytes, *after: int) -> Good:
    """A statement with the places of its fields, and of what comes after them."""
    said = (1, raw[42], *_ENTRY, 32) if raw[1] == 0 else _AFTER_HEAD[raw[1] - 1]
    return Good.of(raw, *_HEAD, *said, *after)


def _with_device(chain: Chain, device: DeviceKeys) -> Chain:
    return grown(chain, AddDevice(ADA.device.device_id, device.entry), ADA.device, device)


def _seven_devices() -> Chain:
    chain = FIRST
    for device in OTHERS[:6]:
        chain = _with_device(chain, device)
    return chain


EIGHT_DEVICES = _with_device(_seven_devices(), OTHERS[6])
_WITHOUT_LAPTOP = grown(
    _with_device(FIRST, LAPTOP), RemoveDevice(ADA.device.device_id, LAPTOP.device_id), ADA.device
)
_AGAIN = replace(PHONE.entry, device_id=LAPTOP.device_id)


def _first(name: str) -> Chain:
    return (create_first_statement(name, ADA.device, ADA.recovery, day=DAY),)


_GOOD_LASTS = [
    *(Last.of(_first(name), ADA.device, ADA.recovery) for name in ("ada", "zoë", "a" * 64)),
    *(
        Last.of(grown(before, change, *signers, day=day), *signers)
        for _, before, change, signers, day in GOOD
    ),
]
# What one rule refuses, and no signature.
_REFUSED_LASTS = [
    Last.of(grown(before, change, *signers), *signers)
    for before, change, signers in (
        (FIRST, RemoveDevice(ADA.device.device_id, ADA.device.device_id), (ADA.device,)),
        (FIRST, RaiseSuite(ADA.device.device_id, Suite.HYBRID), (ADA.device,)),
        (FIRST, AddDevice(BY_RECOVERY, PHONE.entry), (ADA.recovery, PHONE)),
        (_WITHOUT_LAPTOP, AddDevice(ADA.device.device_id, _AGAIN), (ADA.device, PHONE)),
        (EIGHT_DEVICES, AddDevice(ADA.device.device_id, PHONE.entry), (ADA.device, PHONE)),
    )
]
# Long ones take long to check.
LASTS = [last for last in (*_GOOD_LASTS, *_REFUSED_LASTS) for _ in range(max(1, 12 // len(last.chain) ** 2))]
CHAINS = [*(last.chain for last in _GOOD_LASTS), *(last.chain[:-1] for last in _REFUSED_LASTS)]
PREFIXES = {chain[:length] for chain in CHAINS for length in range(1, len(chain) + 1)}
GOOD_STATEMENTS = [
    _with_fields(raw, SIGNATURE_BYTES, SIGNATURE_BYTES)
    for raw in sorted({statement for last in (*_GOOD_LASTS, *_REFUSED_LASTS) for statement in last.chain})
]
_GOOD_BY_RAW = {good.raw: good for good in GOOD_STATEMENTS}


def edited_chain(drawn: bytes) -> Chain:
    """The chain and the error that drawn bytes stand for."""
    return unsigned_chain(drawn) if how(drawn, 2) else signed_chain(drawn)


def unsigned_chain(drawn: bytes) -> Chain:
    """A chain with a changed statement, without one, with one at another place, or with a stranger's."""
    chain = picked(LASTS, drawn).chain
    at = drawn[15] % len(chain)
    *before, last = chain
    match drawn[2] // 2 % 64:
        case 0:
            return (*chain[:at], *chain[at + 1 :])
        case 1:
            return (*chain[:at], last, *before[at:])
        case 2:
            return (*before[:at], picked(GOOD_STATEMENTS, drawn[13:15]).raw)
        case 3:
            return (*before, last[:-32] + _plus_order(last[-32:]))
    return (*chain[:at], edited(_GOOD_BY_RAW[chain[at]], drawn), *chain[at + 1 :])


def signed_chain(drawn: bytes) -> Chain:
    """A chain whose last statement says something else, and is signed by whoever it says it is signed by."""
    last = picked(LASTS, drawn)
    sort, said = drawn[2] // 2 % 8, last.said
    if sort > 4:
        said = _with_known(said, drawn[10:12])
    if sort == 5:
        body = _with_known(said, drawn[12:14]).raw
    else:
        # Few errors in what comes first, which breaks all chains alike.
        kept = _DAY_AT if drawn[2] // 16 else 0
        rest = Good(said.raw[kept:], tuple(at - kept for at in said.fields if at >= kept))
        body = said.raw[:kept] + edited(rest, drawn, keep_size=sort > 0)
    signers = [_holder(body, place, key) for place, key in enumerate(last.signers)]
    if drawn[14] % 16 == 1:
        signers.reverse()
    what = "statement" if drawn[14] % 16 else ("statement", "login", "prekey")[drawn[15] % 3]
    return (*last.chain[:-1], body + b"".join(signer.sign(what, body) for signer in signers))


def _with_known(said: Good, drawn: bytes) -> Good:
    """A statement in which one field says something else that is known."""
    fields = [(at, end) for at, end in pairwise(said.fields) if at >= _DAY_AT]
    at, end = fields[drawn[0] % len(fields)]
    known = _KNOWN.get(end - at, [said.raw[at:end]])
    return replace(said, raw=said.raw[:at] + known[drawn[1] % len(known)] + said.raw[end:])


def _holder(body: bytes, place: int, otherwise: Ed25519Private) -> Ed25519Private:
    """The key that a statement says it is signed with, if a test has it."""
    kind = body[1] if len(body) > 1 else 0
    if kind == 0:
        return _by_key(body, (_FIRST_KEY_AT, _FIRST_CODE_AT)[place], otherwise)
    if place:
        return _by_key(body, _NEW_CODE_AT if kind == 4 else _NEW_KEY_AT, otherwise)
    # The other kinds are signed by whatever recovery key there is.
    return _BY_ID.get(body[_SIGNER_AT : _SIGNER_AT + 16], otherwise) if kind < 4 else otherwise


def _by_key(body: bytes, at: int, otherwise: Ed25519Private) -> Ed25519Private:
    at %= max(len(body), 1)
    return _BY_KEY.get(body[at : at + 32], otherwise)


def _plus_order(half: bytes) -> bytes:
    return ((int.from_bytes(half, "little") + _ORDER) % 2**256).to_bytes(32, "little")
