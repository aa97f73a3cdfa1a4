import base64
import json
import random
import uuid

import pytest

from mesa.traces import PIECE_BYTES, pieces_in, pieces_of

ID = uuid.UUID("6f0c1f9e-1c7d-4c4b-9b1e-5a1d3a0a7c11")
PIECE = ID.bytes[3:11]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


SPELLINGS = {
    "uuid": str(ID),
    "hex": ID.hex,
    "upper case": ID.hex.upper(),
    "base64url": b64(ID.bytes),
    "base64": base64.b64encode(ID.bytes).decode(),
    "number": str(ID.int),
    "number, other way": str(int.from_bytes(ID.bytes, "little")),
    "as Python prints bytes": repr(ID.bytes),
    "piece in hex": PIECE.hex(),
    "piece in base64url": b64(PIECE),
    "piece in the middle of base64url": b64(b"seen " + PIECE + b" there"),
    "piece as a number": str(int.from_bytes(PIECE, "big")),
    "piece with a word before it": "cell" + PIECE.hex(),
    "piece as it is": PIECE.decode("latin-1"),
    "piece in JSON": json.dumps({"at": [1, b64(PIECE)]}),
    "piece in another UUID": str(uuid.UUID(bytes=PIECE + bytes(8))),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_id_is_found_in_any_spelling_and_in_pieces(spelling: str) -> None:
    assert pieces_of(ID.bytes) & pieces_in(f"before {SPELLINGS[spelling]}, after")


def test_other_ids_are_not_taken_for_it() -> None:
    rng = random.Random(3)
    others = [uuid.UUID(bytes=rng.randbytes(16), version=4) for _ in range(300)]
    text = " ".join(spelling for each in others for spelling in (str(each), each.hex, b64(each.bytes)))

    assert not pieces_of(ID.bytes) & pieces_in(text)


def test_a_shorter_part_is_no_piece() -> None:
    assert not pieces_of(ID.bytes) & pieces_in(ID.bytes[: PIECE_BYTES - 1].hex())
