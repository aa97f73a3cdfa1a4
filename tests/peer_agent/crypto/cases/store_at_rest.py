"""Vectors of docs/spec/store-at-rest.md."""

from peer_agent.crypto import at_rest as a
from peer_agent.crypto.primitives import pbkdf2, seal

from ..vector_files import Case, Drawn, flipped

_RNG = Drawn("store at rest")
MASTER = a.create_master_key(_RNG)
PLACE = a.Place("messages", _RNG(16), 1)
PASSPHRASE = "žalia gulbė 7"
CHEAP = a.Argon2idCost(memory_kib=19_456, passes=2, lanes=1)


def _record() -> list[Case]:
    rng = Drawn("record")
    record = a.seal_record(MASTER, PLACE, b"a row", rng=rng)
    place = {"table": PLACE.table, "row_key": PLACE.row_key, "schema_version": PLACE.schema_version}
    base = {"master_key": MASTER.raw} | place | {"plaintext": b"a row", "record": record}
    good = {"name": "record", "check": "record", "expect": "ok"} | base | {"draws": rng.draws}
    bad = (
        ("newer version", "unknown-version", {"record": b"\x02" + record[1:]}),
        ("empty", "malformed", {"record": b""}),
        ("too short", "not-opened", {"record": record[:28]}),
        ("truncated", "not-opened", {"record": record[:-1]}),
        ("flipped nonce", "not-opened", {"record": flipped(record, 3)}),
        ("flipped ciphertext", "not-opened", {"record": flipped(record, 14)}),
        ("flipped tag", "not-opened", {"record": flipped(record, len(record) - 1)}),
        ("of another table", "not-opened", {"table": "message"}),
        ("of another row", "not-opened", {"row_key": flipped(PLACE.row_key, 0)}),
        ("of another schema version", "not-opened", {"schema_version": 2}),
        ("table and key cut elsewhere", "not-opened", {"table": "message", "row_key": b"s" + PLACE.row_key}),
        ("of another store", "not-opened", {"master_key": bytes(32)}),
    )
    opened = {"check": "open-record", "expect": "ok"} | base
    return [
        good,
        {"name": "open record"} | opened,
        *({"name": f"open record: {n}"} | opened | {"expect": e} | change for n, e, change in bad),
    ]


def _row_digests() -> list[Case]:
    of = {"table and value": ("contacts", b"bo"), "another table": ("contact", b"sbo"), "nothing": ("c", b"")}
    return [
        {
            "name": f"row digest of {name}",
            "check": "row-digest",
            "expect": "ok",
            "master_key": MASTER.raw,
            "table": table,
            "value": value,
            "digest": a.row_digest(MASTER, table, value),
        }
        for name, (table, value) in of.items()
    ]


def pbkdf2_file(rounds: int, master: a.MasterKey, passphrase: str) -> bytes:
    """What a browser keeps, from the spec page."""
    rng = Drawn("pbkdf2")
    head = b"\x01\x02" + rounds.to_bytes(4, "big") + rng(16)
    key = pbkdf2(passphrase.encode(), head[6:], rounds=rounds)
    return head + seal(key, master.raw, b"mesa/master-key/1\x00" + head, rng)


def _unlock(check: str, name: str, expect: str, locked: bytes, passphrase: str | None) -> Case:
    case: Case = {"name": f"unlock {name}", "check": check, "expect": expect, "locked": locked}
    return case | {"passphrase": passphrase} | ({"master_key": MASTER.raw} if expect == "ok" else {})


def _unlocks() -> list[Case]:
    bare = a.lock_master_key(MASTER, None)
    stretched = pbkdf2_file(600_000, MASTER, PASSPHRASE)
    few = stretched[:2] + (599_999).to_bytes(4, "big") + stretched[6:]
    many = stretched[:2] + (10_000_001).to_bytes(4, "big") + stretched[6:]
    bad = (
        ("empty", "malformed", b"", None),
        ("newer version", "unknown-version", b"\x02" + bare[1:], None),
        ("unknown lock", "malformed", b"\x01\x03" + bare[2:], None),
        ("bare, truncated", "malformed", bare[:-1], None),
        ("bare, one byte more", "malformed", bare + b"\x00", None),
        ("without a passphrase", "wrong-passphrase", stretched, None),
        ("with an empty passphrase", "wrong-passphrase", stretched, ""),
        ("with a wrong passphrase", "wrong-passphrase", stretched, "žalia gulbė 8"),
        ("with another round", "wrong-passphrase", flipped(stretched, 5), PASSPHRASE),
        ("with too few rounds", "malformed", few, PASSPHRASE),
        ("with too many rounds", "malformed", many, PASSPHRASE),
        ("truncated", "malformed", stretched[:20], PASSPHRASE),
        ("flipped", "wrong-passphrase", flipped(stretched, 70), PASSPHRASE),
    )
    return [
        _unlock("unlock", "bare", "ok", bare, None),
        _unlock("unlock", "under PBKDF2", "ok", stretched, PASSPHRASE),
        _unlock("unlock", "with a decomposed passphrase", "ok", stretched, "z\u030calia gulbe\u0307 7"),
        *(_unlock("unlock", *each) for each in bad),
    ]


def _argon2id() -> list[Case]:
    rng = Drawn("argon2id")
    locked = a.lock_master_key(MASTER, PASSPHRASE, cost=CHEAP, rng=rng)
    lock: Case = {
        "name": "lock under Argon2id",
        "check": "lock-argon2id",
        "expect": "ok",
        "master_key": MASTER.raw,
        "passphrase": PASSPHRASE,
        "memory_kib": CHEAP.memory_kib,
        "passes": CHEAP.passes,
        "lanes": CHEAP.lanes,
        "draws": rng.draws,
        "locked": locked,
    }

    def costing(at: int, new: bytes) -> bytes:
        return locked[:at] + new + locked[at + len(new) :]

    bad = (
        ("with a wrong passphrase", "wrong-passphrase", locked, "žalia gulbė 8"),
        ("without a passphrase", "wrong-passphrase", locked, None),
        ("too little memory", "malformed", costing(2, (19_455).to_bytes(4, "big")), PASSPHRASE),
        ("too much memory", "malformed", costing(2, (1_048_577).to_bytes(4, "big")), PASSPHRASE),
        ("one pass", "malformed", costing(6, (1).to_bytes(4, "big")), PASSPHRASE),
        ("17 passes", "malformed", costing(6, (17).to_bytes(4, "big")), PASSPHRASE),
        ("no lane", "malformed", costing(10, b"\x00"), PASSPHRASE),
        ("5 lanes", "malformed", costing(10, b"\x05"), PASSPHRASE),
        ("flipped salt", "wrong-passphrase", flipped(locked, 12), PASSPHRASE),
        ("truncated", "wrong-passphrase", locked[:-1], PASSPHRASE),
    )
    return [
        lock,
        {**lock, "name": "lock under an empty passphrase", "expect": "wrong-passphrase", "passphrase": ""},
        _unlock("unlock-argon2id", "under Argon2id", "ok", locked, PASSPHRASE),
        *(_unlock("unlock-argon2id", f"Argon2id, {each[0]}", *each[1:]) for each in bad),
    ]


def cases() -> list[Case]:
    return [*_record(), *_row_digests(), *_unlocks(), *_argon2id()]
