"""Two implementations behind the same calls, the page and the agent: bytes come and go as hex."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from playwright.sync_api import Page

from p2p.protocol.ids import HopId
from peer_agent.crypto import onion
from peer_agent.crypto.direct import fingerprint_of
from peer_agent.crypto.encoding import Reader
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceEntry, DeviceKeys, Suite
from peer_agent.crypto.messages import Message
from peer_agent.crypto.onion_keys import OnionKeys, SignedOnionKey
from peer_agent.crypto.prekeys import PrekeyId, PrekeyKind, PrivatePrekey, verify_bundle
from peer_agent.crypto.primitives import X25519Private, X25519Public
from peer_agent.crypto.ratchet import Ratchet
from peer_agent.crypto.sessions import Envelope, Session, accept_session, begin_session
from tests.peer_agent.crypto.vector_files import Given

Answer = dict[str, Any]
Call = tuple[str, Answer]
CALL = "async (wanted) => (await import('/tests/js/differential.js')).answers(wanted)"


class Side(Protocol):
    """One implementation."""

    def answers(self, calls: Sequence[Call]) -> list[Answer]:
        """Do one thing after the other; what is refused gives `refused`, its error's name."""


def ask(side: Side, name: str, **args: Any) -> Answer:
    (answer,) = side.answers([(name, args)])
    return answer


class PageSide:
    """The scripts, in a page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def answers(self, calls: Sequence[Call]) -> list[Answer]:
        given: list[Answer] = self._page.evaluate(CALL, [list(call) for call in calls])
        return given


class AgentSide:
    """The modules of the agent."""

    def answers(self, calls: Sequence[Call]) -> list[Answer]:
        return [_answer(CALLS[name], args) for name, args in calls]


def _answer(call: Callable[..., Answer], args: Answer) -> Answer:
    try:
        return call(**args)
    except CryptoError as error:
        return {"refused": error.name}


def _randomly(draws: list[str] | None) -> dict[str, Any]:
    return {} if draws is None else {"rng": Given(draws)}


def _device(keys: str, suite: int) -> DeviceKeys:
    return replace(DeviceKeys.unpack(bytes.fromhex(keys)), suite=Suite(suite))


def _begin(*, keys: str, suite: int, entry: str, today: int, now_ms: int, **handed: str | None) -> Answer:
    device = DeviceEntry.read(Reader(bytes.fromhex(entry)))
    signed, kem, one_time = (
        None if each is None else bytes.fromhex(each)
        for each in (handed["signed"], handed["kem"], handed["one_time"])
    )
    assert signed is not None
    bundle = verify_bundle(device, signed, kem, one_time, today=today)
    return {"session": begin_session(_device(keys, suite), bundle, now_ms=now_ms).pack().hex()}


def _accept(
    *, keys: str, suite: int, prekeys: list[str], envelope: str, now_ms: int, draws: list[str] | None
) -> Answer:
    held = [PrivatePrekey.unpack(bytes.fromhex(raw)) for raw in prekeys]

    def find(kind: PrekeyKind, prekey_id: PrekeyId) -> PrivatePrekey | None:
        return next((each for each in held if (each.kind, each.prekey_id) == (kind, prekey_id)), None)

    opened = Envelope.unpack(bytes.fromhex(envelope))
    accepted = accept_session(_device(keys, suite), opened, find, now_ms=now_ms, **_randomly(draws))
    shown = {"session": accepted.session.pack().hex(), "plaintext": accepted.plaintext.hex()}
    return shown | {"spent": list(accepted.spent)}


def _encrypt(*, session: str, plaintext: str, draws: list[str] | None) -> Answer:
    held = Session.unpack(bytes.fromhex(session))
    after, envelope = held.encrypt(bytes.fromhex(plaintext), **_randomly(draws))
    return {"session": after.pack().hex(), "envelope": envelope.hex()}


def _decrypt(*, session: str, envelope: str, draws: list[str] | None) -> Answer:
    opened = Envelope.unpack(bytes.fromhex(envelope))
    after, plaintext = Session.unpack(bytes.fromhex(session)).decrypt(opened, **_randomly(draws))
    return {"session": after.pack().hex(), "plaintext": plaintext.hex()}


def _wrap(*, hops: list[dict[str, str]], payload: str, draws: list[str] | None) -> Answer:
    path = [
        onion.Hop(X25519Public(bytes.fromhex(hop["key"])), HopId(bytes.fromhex(hop["hop_id"])))
        for hop in hops
    ]
    return {"cell": onion.wrap(path, bytes.fromhex(payload), **_randomly(draws)).hex()}


def _peel(*, cell: str, hop_id: str, private: str) -> Answer:
    keys = OnionKeys(0, X25519Private(bytes.fromhex(private)))
    peeled = onion.peel(bytes.fromhex(cell), HopId(bytes.fromhex(hop_id)), keys)
    is_forward = isinstance(peeled, onion.Forward)
    rest = peeled.cell if isinstance(peeled, onion.Forward) else peeled.payload
    command = "forward" if is_forward else "deliver"
    return {"command": command, "rest": rest.hex(), "replay_tag": peeled.replay_tag.hex()}


def _repacked(kind: type[Message | Envelope | Session | Ratchet | SignedOnionKey]) -> Callable[..., Answer]:
    return lambda raw: {"packed": kind.unpack(bytes.fromhex(raw)).pack().hex()}


CALLS: dict[str, Callable[..., Answer]] = {
    "begin": _begin,
    "accept": _accept,
    "encrypt": _encrypt,
    "decrypt": _decrypt,
    "wrap": _wrap,
    "peel": _peel,
    "message": _repacked(Message),
    "envelope": _repacked(Envelope),
    "session": _repacked(Session),
    "ratchet": _repacked(Ratchet),
    "onion_key": _repacked(SignedOnionKey),
    "fingerprint": lambda text: {"fingerprint": fingerprint_of(text).hex()},
}
