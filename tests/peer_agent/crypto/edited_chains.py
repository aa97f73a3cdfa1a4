"""Good chains with errors, for both implementations: some that nobody signed, some signed like good ones."""

from dataclasses import dataclass

from peer_agent.crypto.identity import DeviceKeys
from peer_agent.crypto.primitives import Ed25519Private
from peer_agent.crypto.statements import BY_RECOVERY, AddDevice
from tests.fuzz_edits import Good, edited, how, picked

from .cases.chains import GOOD, OTHERS
from .chains import FIRST, LAPTOP, PHONE, SECOND_KEY, Chain, Signer, grown
from .people import ADA, BO
from .second_reader import SIGNATURE_BYTES

_HEAD = (1, 1, 4, 32, 4)
_ENTRY = (16, 32, 32, 1)
_AFTER_HEAD = (
    *((1, len(ADA.name), *_ENTRY, 32), (16, *_ENTRY), (16, 16)),
    *((16, 1), (16, 32), (16, *_ENTRY)),
)
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
# What an attacker has seen, and puts where something else belongs.
_KNOWN = (
    BY_RECOVERY,
    *(each.device_id for each in _DEVICES),
    *_BY_KEY,
    *(each.agreement.public.raw for each in _DEVICES),
    *(FIRST[0][:42], bytes([1]), bytes([2])),
)


@dataclass(frozen=True)
class Last:
    """A good chain, with what its last statement says apart from its signatures."""

    chain: Chain
    said: Good
    signers: tuple[Ed25519Private, ...]

    @classmethod
    def of(cls, chain: Chain, *signers: Signer) -> "Last":
        raw = chain[-1]
        body = raw[: len(raw) - SIGNATURE_BYTES * len(signers)]
        return cls(
            chain, Good.of(body, *_HEAD, *_AFTER_HEAD[raw[1]]), tuple(each.signing for each in signers)
        )


def _with_device(chain: Chain, device: DeviceKeys) -> Chain:
    return grown(chain, AddDevice(ADA.device.device_id, device.entry), ADA.device, device)


def _seven_devices() -> Chain:
    chain = FIRST
    for device in OTHERS[:6]:
        chain = _with_device(chain, device)
    return chain


EIGHT_DEVICES = _with_device(_seven_devices(), OTHERS[6])
_SHORT = [
    Last.of(FIRST, ADA.device, ADA.recovery),
    *(
        Last.of(grown(before, change, *signers, day=day), *signers)
        for _, before, change, signers, day in GOOD
    ),
]
# Long ones take long to check.
LASTS = [
    *(last for last in _SHORT for _ in range(24 // len(last.chain) ** 2)),
    Last.of(EIGHT_DEVICES, ADA.device, OTHERS[6]),
]
CHAINS = [last.chain for last in (*_SHORT, LASTS[-1])]
PREFIXES = {chain[:length] for chain in CHAINS for length in range(1, len(chain) + 1)}
STATEMENTS = sorted({statement for chain in CHAINS for statement in chain})
GOOD_STATEMENTS = [
    Good.of(raw, *_HEAD, *_AFTER_HEAD[raw[1]], SIGNATURE_BYTES, SIGNATURE_BYTES) for raw in STATEMENTS
]
_FIELDS = {good.raw: good for good in GOOD_STATEMENTS}


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
            return (*before[:at], STATEMENTS[drawn[14] % len(STATEMENTS)])
        case 3:
            return (*before, last[:-32] + _plus_order(last[-32:]))
    return (*chain[:at], edited(_FIELDS[chain[at]], drawn), *chain[at + 1 :])


def signed_chain(drawn: bytes) -> Chain:
    """A chain whose last statement says something else, and is signed by whoever it says it is signed by."""
    last = picked(LASTS, drawn)
    sort, body, fields = drawn[2] // 2 % 8, last.said.raw, last.said.fields
    if sort > 4:
        body = _with_known(body, fields, drawn[10:12])
    if sort == 5:
        body = _with_known(body, fields, drawn[12:14])
    else:
        # Few errors in what comes first, which breaks all chains alike.
        kept = _DAY_AT if drawn[2] // 16 else 0
        rest = Good(body[kept:], tuple(at - kept for at in fields if at >= kept))
        body = body[:kept] + edited(rest, drawn, keep_size=sort > 0)
    signers = [_holder(body, place, key) for place, key in enumerate(last.signers)]
    if drawn[14] % 16 == 1:
        signers.reverse()
    what = "statement" if drawn[14] % 16 else ("statement", "login", "prekey")[drawn[15] % 3]
    return (*last.chain[:-1], body + b"".join(signer.sign(what, body) for signer in signers))


def _with_known(body: bytes, fields: tuple[int, ...], drawn: bytes) -> bytes:
    at, new = fields[drawn[0] % len(fields)], _KNOWN[drawn[1] % len(_KNOWN)]
    return body[:at] + new + body[at + len(new) :]


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
