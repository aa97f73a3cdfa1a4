"""Vectors of docs/spec/direct.md."""

from peer_agent.crypto.direct import Party, agree

from ..people import ADA, BO
from ..vector_files import Case, Drawn, flipped

_RNG = Drawn("direct")
ADAS = Party(_RNG(32), ADA.identity.fingerprint)
BOS = Party(_RNG(32), BO.identity.fingerprint)
KEY = agree(ADAS, BOS)
OFFER, ANSWER = _RNG(32), _RNG(32)


def line(fingerprint: bytes, hashed: str = "sha-256") -> str:
    return f"a=fingerprint:{hashed} {fingerprint.hex(':').upper()}"


def _keys() -> list[Case]:
    good = {"check": "key", "expect": "ok", "key": KEY.raw}
    known = {"parts": [ADAS.part, BOS.part], "fingerprints": [ADAS.fingerprint, BOS.fingerprint]}
    turned = {name: values[::-1] for name, values in known.items()}
    short = {"parts": [ADAS.part[:-1], BOS.part]}
    long = {"fingerprints": [ADAS.fingerprint, BOS.fingerprint + b"\x00"]}
    bad = {"check": "key", "expect": "malformed", "key": KEY.raw}
    return [
        {"name": "key"} | good | known,
        {"name": "key, as the other side makes it"} | good | turned,
        {"name": "key from a short part"} | bad | known | short,
        {"name": "key with a long fingerprint"} | bad | known | long,
    ]


def _fingerprints() -> list[Case]:
    start = ["v=0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]
    upper = line(OFFER)
    good = {
        "one": [*start, upper],
        "in lower case": [*start, upper.lower()],
        "twice the same": [upper, *start, upper],
        "beside other hashes": [*start, line(ANSWER + ANSWER, "sha-512"), upper],
    }
    bad = {
        "none": start,
        "with another hash only": [*start, line(OFFER, "sha-384")],
        "two that differ": [line(ANSWER), *start, upper],
        "a byte short": [*start, line(OFFER[:-1])],
        "a byte long": [*start, line(OFFER + b"\x00")],
        "without colons": [*start, upper.replace(":", "").replace("fingerprint", "fingerprint:")],
        "not hex": [*start, upper[:-2] + "XY"],
        "after a space": [*start, f" {upper}"],
        "with two spaces": [*start, upper.replace(" ", "  ")],
        "with another kind of space": [*start, upper.replace(" ", " \N{NO-BREAK SPACE}")],
        "in capital letters": [*start, upper.upper()],
        "beside one with two spaces": [*start, upper, line(ANSWER).replace(" ", "  ")],
        "beside one with signs that are not ASCII": [*start, upper, line(ANSWER, "sha-512") + "\ufeff"],
        "for two readers": [*start, f" {upper}", line(ANSWER).replace(" ", "  ")],
    }
    found = [
        {"name": f"fingerprint: {name}", "check": "fingerprint", "expect": "ok", "description": lines}
        | {"fingerprint": OFFER}
        for name, lines in good.items()
    ]
    refused = [
        {"name": f"fingerprint: {name}", "check": "fingerprint", "expect": "malformed", "description": lines}
        for name, lines in bad.items()
    ]
    return [*found, *refused]


def _proofs() -> list[Case]:
    offer = {"check": "offer", "expect": "ok", "key": KEY.raw, "maker": ADAS.fingerprint, "offer": OFFER}
    answer = offer | {"check": "answer", "maker": BOS.fingerprint, "answer": ANSWER}
    offers_proof = KEY.prove_offer(ADAS.fingerprint, OFFER)
    answers_proof = KEY.prove_answer(BOS.fingerprint, OFFER, ANSWER)
    return [
        {"name": "offer", "valid": True} | offer | {"proof": offers_proof},
        {"name": "offer said to be the other's", "valid": False}
        | offer
        | {"maker": BOS.fingerprint, "proof": offers_proof},
        {"name": "offer with another certificate", "valid": False}
        | offer
        | {"offer": ANSWER, "proof": offers_proof},
        {"name": "offer with another key", "valid": False}
        | offer
        | {"key": flipped(KEY.raw, 0), "proof": offers_proof},
        {"name": "offer with a short proof", "valid": False} | offer | {"proof": offers_proof[:-1]},
        {"name": "offer, short fingerprint"}
        | offer
        | {"expect": "malformed", "offer": OFFER[:-1], "proof": offers_proof, "valid": False},
        {"name": "answer", "valid": True} | answer | {"proof": answers_proof},
        {"name": "answer to another offer", "valid": False}
        | answer
        | {"offer": flipped(OFFER, 9), "proof": answers_proof},
        {"name": "answer with another certificate", "valid": False}
        | answer
        | {"answer": OFFER, "proof": answers_proof},
        {"name": "answer said to be the other's", "valid": False}
        | answer
        | {"maker": ADAS.fingerprint, "proof": answers_proof},
        {"name": "answer with the proof of the offer", "valid": False} | answer | {"proof": offers_proof},
    ]


def cases() -> list[Case]:
    return [*_keys(), *_fingerprints(), *_proofs()]
