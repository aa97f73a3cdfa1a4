"""Vectors of docs/spec/ratchet.md."""

from peer_agent.crypto.primitives import SealKey, X25519Private, derive, seal
from peer_agent.crypto.ratchet import ChainKey, Ratchet, SessionId

from ..vector_files import Case, Drawn, flipped, verdict

_RNG = Drawn("ratchet")
SESSION_ID = SessionId(_RNG(16))
TRANSCRIPT, SECRET = _RNG(32), ChainKey(_RNG(32))
PREKEY = X25519Private.generate(_RNG)
HUGE = b"\xff\xff\xff\xff"
PREVIOUS, NUMBER = 49, 53


def pair() -> tuple[Ratchet, Ratchet]:
    """Initiator and responder of one session, with random ratchet keys."""
    initiator = Ratchet.begin(SESSION_ID, TRANSCRIPT, SECRET, PREKEY.public)
    return initiator, Ratchet.accept(SESSION_ID, TRANSCRIPT, SECRET, PREKEY)


class Script:
    """Plays a conversation and writes down every step."""

    def __init__(self, name: str) -> None:
        self._name = name
        draws = Drawn(f"{name}: first")
        initiator = Ratchet.begin(SESSION_ID, TRANSCRIPT, SECRET, PREKEY.public, draws)
        responder = Ratchet.accept(SESSION_ID, TRANSCRIPT, SECRET, PREKEY)
        self.sides = {"initiator": initiator, "responder": responder}
        self._draws = draws.draws
        self._steps: list[Case] = []

    def encrypt(self, by: str, text: str, expect: str = "ok") -> bytes:
        rng = Drawn(f"{self._name}: {len(self._steps)}")
        step: Case = {"by": by, "do": "encrypt", "expect": expect, "plaintext": text.encode()}
        made = b""
        if expect == "ok":
            self.sides[by], made = self.sides[by].encrypt(text.encode(), rng)
            step |= {"draws": rng.draws, "message": made}
        self._steps.append(step)
        return made

    def decrypt(self, by: str, message: bytes, expect: str = "ok") -> None:
        rng = Drawn(f"{self._name}: {len(self._steps)}")
        step: Case = {"by": by, "do": "decrypt", "expect": expect, "message": message}

        def check(_: Case) -> None:
            self.sides[by], step["plaintext"] = self.sides[by].decrypt(message, rng)

        assert verdict(check, step) == expect
        self._steps.append(step | {"draws": rng.draws})

    def case(self) -> Case:
        return {
            "name": self._name,
            "check": "conversation",
            "expect": "ok",
            "session_id": SESSION_ID,
            "transcript": TRANSCRIPT,
            "secret": SECRET,
            "prekey": PREKEY.raw,
            "initiator_draws": self._draws,
            "steps": self._steps,
        }


def _out_of_order() -> Script:
    script = Script("out of order")
    one, two, three = (script.encrypt("initiator", text) for text in ("one", "two", "three"))
    script.encrypt("responder", "too early", "not-ready")
    script.decrypt("responder", three)
    script.decrypt("responder", one)
    script.decrypt("responder", one, "replayed")
    script.decrypt("responder", three, "replayed")
    four, five = (script.encrypt("responder", text) for text in ("four", "five"))
    script.decrypt("initiator", five)
    six = script.encrypt("initiator", "six")
    script.decrypt("responder", six)
    script.decrypt("responder", two)
    script.decrypt("initiator", four)
    script.decrypt("initiator", four, "replayed")
    seven = script.encrypt("responder", "")
    script.decrypt("initiator", seven)
    return script


def _refusals() -> Script:
    script = Script("refusals leave the state alone")
    first = script.encrypt("initiator", "first")
    second = script.encrypt("initiator", "second")
    script.decrypt("responder", first)
    for bad, expect in (
        (second[:84], "malformed"),
        (second[:20], "malformed"),
        (b"", "malformed"),
        (second[:16] + b"\x02" + second[17:], "unknown-version"),
        (second[:17] + bytes(32) + second[49:], "weak-key"),
        (second[:17] + PREKEY.public.raw + second[49:], "not-opened"),
        (flipped(second, 0), "not-opened"),
        (flipped(second, PREVIOUS + 3), "not-opened"),
        (flipped(second, 57), "not-opened"),
        (flipped(second, 69), "not-opened"),
        (flipped(second, len(second) - 1), "not-opened"),
        (second + b"\x00", "not-opened"),
        (second[:NUMBER] + HUGE + second[NUMBER + 4 :], "too-far-ahead"),
        (second[:NUMBER] + (1002).to_bytes(4, "big") + second[NUMBER + 4 :], "too-far-ahead"),
        (second[:NUMBER] + (1001).to_bytes(4, "big") + second[NUMBER + 4 :], "not-opened"),
        (second[:17] + PREKEY.public.raw + HUGE + second[NUMBER:], "too-far-ahead"),
        (second[:NUMBER] + bytes(4) + second[NUMBER + 4 :], "replayed"),
    ):
        script.decrypt("responder", bad, expect)
    script.decrypt("responder", second)
    return script


def _prekey_as_a_ratchet_key() -> Script:
    """The responder alone could send under its signed prekey, and never does."""
    script = Script("the signed prekey is no ratchet key")
    first = script.encrypt("initiator", "first")
    for number in (0, 1):
        forged = first[:17] + PREKEY.public.raw + first[49:NUMBER] + number.to_bytes(4, "big") + first[57:]
        script.decrypt("initiator", forged, "not-opened")
    script.decrypt("responder", first)
    script.decrypt("initiator", script.encrypt("responder", "answer"))
    return script


def _steps() -> list[Case]:
    own = X25519Private(Drawn("own ratchet key")(32))
    shared = own.exchange(PREKEY.public)
    out = derive(shared, "ratchet-root", size=64, chained=SECRET)
    root: Case = {"root": SECRET, "own": own.raw, "peer": PREKEY.public.raw}
    chain: Case = {"chain": out[32:]}
    keys = derive(b"\x01", "ratchet-chain", size=64, chained=out[32:])
    sealed = seal(SealKey(keys[32:]), b"text", b"", Drawn("sealed"))
    return [
        {"name": "root step", "check": "root", "expect": "ok"} | root | {"next": out[:32]} | chain,
        {"name": "chain step", "check": "chain", "expect": "ok"}
        | chain
        | {"next": keys[:32], "key": keys[32:], "plaintext": b"text", "sealed": sealed},
    ]


def _states(script: Script) -> list[Case]:
    full, fresh = (
        script.sides["responder"].pack(),
        Ratchet.accept(SESSION_ID, TRANSCRIPT, SECRET, PREKEY).pack(),
    )
    # The responder keeps the key of "one" here.
    gap = Script("gap")
    gap.encrypt("initiator", "one")
    gap.decrypt("responder", gap.encrypt("initiator", "two"))
    kept = gap.sides["responder"].pack()
    twice = kept[:-70] + b"\x00\x02" + kept[-68:] * 2
    cases = [
        ("with both chains", "ok", full),
        ("of a responder that waits", "ok", fresh),
        ("with a skipped key", "ok", kept),
        ("with a skipped key twice", "malformed", twice),
        ("newer version", "unknown-version", b"\x02" + full[1:]),
        ("truncated", "malformed", full[:-1]),
        ("one byte more", "malformed", full + b"\x00"),
        ("presence byte 2", "malformed", full[:113] + b"\x02" + full[114:]),
        ("more skipped keys than there are", "malformed", fresh[:-1] + b"\x01"),
        ("weak peer key", "weak-key", full[:114] + bytes(32) + full[146:]),
    ]
    return [{"name": f"state {n}", "check": "state", "expect": e, "raw": raw} for n, e, raw in cases]


def cases() -> list[Case]:
    talk = _out_of_order()
    scripts = (talk, _refusals(), _prekey_as_a_ratchet_key())
    return [*(script.case() for script in scripts), *_steps(), *_states(talk)]
