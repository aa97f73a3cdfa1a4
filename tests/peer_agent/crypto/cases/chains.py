"""Vectors of docs/spec/identity.md about chains longer than one, and about two of them side by side."""

from dataclasses import replace
from typing import Any

from peer_agent.crypto.chain import judge, verify_chain
from peer_agent.crypto.identity import DeviceId, DeviceKeys, Suite, create_device
from peer_agent.crypto.primitives import sha256
from peer_agent.crypto.statements import (
    BY_RECOVERY,
    AddDevice,
    Change,
    NewRecoveryKey,
    RaiseSuite,
    Recover,
    RemoveDevice,
    Statement,
    create_first_statement,
)

from ..chains import FIRST, LAPTOP, PHONE, SECOND_KEY, Chain, Signer, grown, signed, with_suite
from ..people import ADA, BO, DAY, MALLORY
from ..vector_files import Case, Drawn, flipped

FIRST_ID, LAPTOP_ID = ADA.device.device_id, LAPTOP.device_id
WITH_LAPTOP = grown(FIRST, AddDevice(FIRST_ID, LAPTOP.entry), ADA.device, LAPTOP)
WITH_OLD_PHONE = grown(
    FIRST, AddDevice(FIRST_ID, with_suite(PHONE, Suite.CLASSICAL)), ADA.device, PHONE, day=DAY + 3
)
RECOVERED = grown(FIRST, Recover(LAPTOP.entry), ADA.recovery, LAPTOP)
WITH_NEW_CODE = grown(FIRST, NewRecoveryKey(SECOND_KEY.signing.public), ADA.recovery, SECOND_KEY)
OTHERS = tuple(create_device(Drawn(f"device {number}")) for number in range(7))


def _eight_devices() -> Chain:
    chain = FIRST
    for device in OTHERS:
        chain = grown(chain, AddDevice(FIRST_ID, device.entry), ADA.device, device)
    return chain


def _full() -> Chain:
    """64 statements: device after device comes and goes."""
    chain = FIRST
    for number in range(32):
        device = create_device(Drawn(f"guest {number}"))
        chain = grown(chain, AddDevice(FIRST_ID, device.entry), ADA.device, device)
        chain = grown(chain, RemoveDevice(device.device_id, device.device_id), device)
    return chain[:64]


GOOD: tuple[tuple[str, Chain, Change, tuple[Signer, ...], int], ...] = (
    ("add a device", FIRST, AddDevice(FIRST_ID, LAPTOP.entry), (ADA.device, LAPTOP), DAY),
    ("add a device by the newest", WITH_LAPTOP, AddDevice(LAPTOP_ID, PHONE.entry), (LAPTOP, PHONE), DAY + 1),
    ("remove the first device", WITH_LAPTOP, RemoveDevice(LAPTOP_ID, FIRST_ID), (LAPTOP,), DAY),
    ("remove oneself", WITH_LAPTOP, RemoveDevice(LAPTOP_ID, LAPTOP_ID), (LAPTOP,), DAY),
    ("remove by recovery", WITH_LAPTOP, RemoveDevice(BY_RECOVERY, LAPTOP_ID), (ADA.recovery,), DAY),
    ("rise of a suite", WITH_OLD_PHONE, RaiseSuite(PHONE.device_id, Suite.HYBRID), (PHONE,), DAY + 3),
    ("new recovery key", FIRST, NewRecoveryKey(SECOND_KEY.signing.public), (ADA.recovery, SECOND_KEY), DAY),
    ("recover", WITH_LAPTOP, Recover(PHONE.entry), (ADA.recovery, PHONE), DAY + 9),
    ("recover under the new key", WITH_NEW_CODE, Recover(PHONE.entry), (SECOND_KEY, PHONE), DAY),
    ("recover a second time", RECOVERED, Recover(PHONE.entry), (ADA.recovery, PHONE), DAY),
)


def _next_statement() -> list[Case]:
    out: list[Case] = []
    for name, before, change, signers, day in GOOD:
        out.append(
            {
                "name": f"next statement: {name}",
                "check": "next-statement",
                "expect": "ok",
                "statements": before,
                "kind": change.KIND,
                "day": day,
                "signer": getattr(change, "signer", BY_RECOVERY),
                **_fields(change),
                "private": [signer.signing.raw for signer in signers],
                "statement": grown(before, change, *signers, day=day)[-1],
            }
        )
    return out


def _fields(change: Change) -> Case:
    match change:
        case AddDevice(device=device) | Recover(device=device):
            return {"device": device.pack()}
        case RemoveDevice(device_id=device_id):
            return {"device_id": device_id}
        case RaiseSuite(suite=suite):
            return {"suite": suite}
        case NewRecoveryKey(recovery=recovery):
            return {"recovery": recovery.raw}
    raise AssertionError


def said_by(chain: Chain) -> Case:
    """What a good chain says, in the words of the vectors."""
    found = verify_chain(chain)
    return {
        "user_name": found.user_name,
        "fingerprint": found.fingerprint,
        "head": found.head,
        "number": found.number,
        "recovery": found.recovery.raw,
        "devices": [device.pack() for device in found.devices],
    }


def _good_chains() -> list[Case]:
    chains = [
        ("of one", FIRST),
        *((name, grown(before, change, *signers, day=day)) for name, before, change, signers, day in GOOD),
        ("of eight devices", _eight_devices()),
        ("of 64 statements", _full()),
    ]
    return [
        {"name": f"chain: {name}", "check": "chain", "expect": "ok", "statements": chain, **said_by(chain)}
        for name, chain in chains
    ]


def _bad_rules() -> list[tuple[str, str, Chain, Change, tuple[Signer, ...]]]:
    """Statements that may not stand where they stand; well signed, unless the name says otherwise."""
    device, code, guest = ADA.device, ADA.recovery, MALLORY.device
    gone = grown(WITH_LAPTOP, RemoveDevice(FIRST_ID, LAPTOP_ID), device)
    old = WITH_OLD_PHONE

    def posing(device_id: DeviceId = guest.device_id, **keys: Any) -> DeviceKeys:
        return replace(guest, device_id=device_id, **keys)

    def removes(by: DeviceId, gone: DeviceId = LAPTOP_ID) -> RemoveDevice:
        return RemoveDevice(by, gone)

    def adds(by: DeviceId, new: DeviceKeys = guest) -> AddDevice:
        return AddDevice(by, new.entry)

    twin_id, twin_signing = posing(FIRST_ID), posing(signing=device.signing)
    twin_agreement, as_code = posing(agreement=device.agreement), posing(signing=code.signing)
    id_back, keys_back = posing(LAPTOP_ID), posing(signing=LAPTOP.signing, agreement=LAPTOP.agreement)
    second, first_code = NewRecoveryKey(SECOND_KEY.signing.public), NewRecoveryKey(code.signing.public)
    as_device = NewRecoveryKey(device.signing.public)
    unknown, downgrade, broken, weak, bad = (
        "unknown-device",
        "downgrade",
        "broken-chain",
        "weak-key",
        "bad-signature",
    )
    return [
        ("added by an unknown device", unknown, FIRST, adds(LAPTOP_ID), (LAPTOP, guest)),
        ("added by a removed device", unknown, gone, adds(LAPTOP_ID), (LAPTOP, guest)),
        ("added by the recovery key", unknown, FIRST, adds(BY_RECOVERY), (code, guest)),
        ("added by itself", unknown, FIRST, adds(guest.device_id), (guest, guest)),
        ("added with another's id", broken, FIRST, adds(FIRST_ID, twin_id), (device, twin_id)),
        ("added with another's signing key", weak, FIRST, adds(FIRST_ID, twin_signing), (device, device)),
        ("added with another's other key", weak, FIRST, adds(FIRST_ID, twin_agreement), (device, guest)),
        ("added with the recovery key", weak, FIRST, adds(FIRST_ID, as_code), (device, as_code)),
        ("a removed id comes back", broken, gone, adds(FIRST_ID, id_back), (device, id_back)),
        ("removed keys come back", weak, gone, adds(FIRST_ID, keys_back), (device, keys_back)),
        ("a ninth device", broken, _eight_devices(), adds(FIRST_ID), (device, guest)),
        ("add: signed by another than the signer", bad, WITH_LAPTOP, adds(FIRST_ID), (LAPTOP, guest)),
        ("add: not signed by the new device", bad, FIRST, adds(FIRST_ID), (device, device)),
        (
            "removed by an unknown device",
            unknown,
            WITH_LAPTOP,
            RemoveDevice(guest.device_id, FIRST_ID),
            (guest,),
        ),
        (
            "an unknown device removed",
            unknown,
            WITH_LAPTOP,
            RemoveDevice(FIRST_ID, guest.device_id),
            (device,),
        ),
        ("a device removed twice", unknown, gone, removes(FIRST_ID), (device,)),
        ("the only device removed", broken, FIRST, removes(FIRST_ID, FIRST_ID), (device,)),
        ("the only device removed by recovery", broken, FIRST, removes(BY_RECOVERY, FIRST_ID), (code,)),
        (
            "remove: signed by another than the signer",
            bad,
            WITH_LAPTOP,
            RemoveDevice(FIRST_ID, LAPTOP_ID),
            (LAPTOP,),
        ),
        (
            "remove by recovery: signed by a device",
            bad,
            WITH_LAPTOP,
            RemoveDevice(BY_RECOVERY, LAPTOP_ID),
            (device,),
        ),
        ("a suite that falls", downgrade, FIRST, RaiseSuite(FIRST_ID, Suite.CLASSICAL), (device,)),
        ("a suite that stays", downgrade, old, RaiseSuite(PHONE.device_id, Suite.CLASSICAL), (PHONE,)),
        ("a suite raised for another", bad, old, RaiseSuite(PHONE.device_id, Suite.HYBRID), (device,)),
        ("a suite raised by the recovery key", unknown, old, RaiseSuite(BY_RECOVERY, Suite.HYBRID), (code,)),
        ("new recovery key by a device", bad, FIRST, second, (device, SECOND_KEY)),
        ("new recovery key that did not sign", bad, FIRST, second, (code, code)),
        ("new recovery key that is the old one", weak, FIRST, first_code, (code, code)),
        ("new recovery key that is a device's", weak, FIRST, as_device, (code, device)),
        ("a replaced recovery key comes back", weak, WITH_NEW_CODE, first_code, (SECOND_KEY, code)),
        ("recover by a device", bad, FIRST, Recover(guest.entry), (device, guest)),
        ("recover by a replaced recovery key", bad, WITH_NEW_CODE, Recover(guest.entry), (code, guest)),
        ("recover by another's recovery key", bad, FIRST, Recover(guest.entry), (BO.recovery, guest)),
        ("recover: not signed by the new device", bad, FIRST, Recover(guest.entry), (code, code)),
        ("recover with a device that is there", broken, FIRST, Recover(device.entry), (code, device)),
    ]


def _bad_layouts() -> list[tuple[str, str, Chain]]:
    recover, add, rise = RECOVERED[-1], WITH_LAPTOP[-1], _risen()[-1]
    before, device = verify_chain(WITH_OLD_PHONE), ADA.device
    removal = RemoveDevice(FIRST_ID, PHONE.device_id)
    earlier = Statement(before.number + 1, before.head, before.day - 1, removal)
    one_more = RemoveDevice(BY_RECOVERY, FIRST_ID)

    def remade(raw: bytes, at: int, new: bytes) -> bytes:
        return raw[:at] + new + raw[at + len(new) :]

    return [
        ("a day that falls", "broken-chain", (*WITH_OLD_PHONE, signed(earlier, device))),
        ("recover as statement 0", "broken-chain", (signed(_as_first(recover), ADA.recovery, LAPTOP),)),
        ("65 statements", "malformed", grown(_full(), one_more, ADA.recovery)),
        ("the wrong one before", "broken-chain", (*FIRST, _eight_devices()[2])),
        ("two statements swapped", "broken-chain", (_eight_devices()[0], *_eight_devices()[2:0:-1])),
        ("a statement left out", "broken-chain", (*FIRST, *_eight_devices()[2:])),
        ("recover: a signer that is not zero", "malformed", (*FIRST, flipped(recover, 57))),
        (
            "new code: a signer that is not zero",
            "malformed",
            (*FIRST, flipped(WITH_NEW_CODE[-1], 42)),
        ),
        ("added: an id that is no UUIDv4", "malformed", (*FIRST, remade(add, 58, bytes(16)))),
        ("added: an id of another version", "malformed", (*FIRST, remade(add, 64, b"\x51"))),
        ("added: an id of another variant", "malformed", (*FIRST, remade(add, 66, b"\xc1"))),
        ("added: suite 0", "unsupported-suite", (*FIRST, remade(add, 138, b"\x00"))),
        ("rise: suite 3", "unsupported-suite", (*WITH_OLD_PHONE, remade(rise, 58, b"\x03"))),
        ("added: zero Ed25519 key", "weak-key", (*FIRST, remade(add, 74, bytes(32)))),
        ("recover: zero X25519 key", "weak-key", (*FIRST, remade(recover, 106, bytes(32)))),
        ("new recovery key: zero", "weak-key", (*FIRST, remade(WITH_NEW_CODE[-1], 58, bytes(32)))),
        ("rise: truncated by one", "malformed", (*WITH_OLD_PHONE, rise[:-1])),
        ("recover: one byte more", "malformed", (*FIRST, recover + b"\x00")),
        ("added: nothing but a head", "malformed", (*FIRST, add[:42])),
    ]


def _risen() -> Chain:
    return grown(WITH_OLD_PHONE, RaiseSuite(PHONE.device_id, Suite.HYBRID), PHONE)


def _as_first(statement: bytes) -> Statement:
    return Statement(0, bytes(32), DAY, Statement.read(statement, number=1, previous=sha256(FIRST[0])).change)


def _bad_chains() -> list[Case]:
    broken = [
        (name, expect, grown(before, change, *signers))
        for name, expect, before, change, signers in _bad_rules()
    ]
    return [
        {"name": f"chain: {name}", "check": "chain", "expect": expect, "statements": statements}
        for name, expect, statements in (*broken, *_bad_layouts())
    ]


def _judge() -> list[Case]:
    """Every row of the page's table, from both sides."""
    stolen = grown(WITH_LAPTOP, AddDevice(LAPTOP_ID, MALLORY.device.entry), LAPTOP, MALLORY.device)
    recovered_late = grown(WITH_LAPTOP, Recover(PHONE.entry), ADA.recovery, PHONE)
    recovered_later = grown(stolen, Recover(PHONE.entry), ADA.recovery, PHONE)
    removed = grown(WITH_LAPTOP, RemoveDevice(BY_RECOVERY, LAPTOP_ID), ADA.recovery)
    by_device = grown(WITH_LAPTOP, RemoveDevice(FIRST_ID, LAPTOP_ID), ADA.device)
    other_recovery = grown(FIRST, Recover(OTHERS[0].entry), ADA.recovery, OTHERS[0])
    new_code_late = grown(WITH_LAPTOP, NewRecoveryKey(SECOND_KEY.signing.public), ADA.recovery, SECOND_KEY)
    lived_on = grown(RECOVERED, AddDevice(LAPTOP_ID, PHONE.entry), LAPTOP, PHONE)
    bo = (BO.statement,)
    twin = (create_first_statement("ada", LAPTOP, ADA.recovery, day=DAY),)
    back = {"extended": "rolled-back", "recovered": "rolled-back"}
    pairs = [
        ("the same", FIRST, FIRST, "same"),
        ("the same, long", stolen, stolen, "same"),
        ("one more", FIRST, WITH_LAPTOP, "extended"),
        ("three more, one by recovery", FIRST, recovered_later, "extended"),
        ("recovery overrules an addition", WITH_LAPTOP, RECOVERED, "recovered"),
        ("recovery overrules two additions", stolen, RECOVERED, "recovered"),
        ("recovery overrules the last of two", stolen, recovered_late, "recovered"),
        ("a removal by recovery overrules", stolen, removed, "recovered"),
        ("a new code overrules", stolen, new_code_late, "recovered"),
        ("recovery overrules, and goes on", stolen, lived_on, "recovered"),
        ("devices against devices", stolen, by_device, "changed"),
        ("recovery against recovery", RECOVERED, other_recovery, "changed"),
        ("recovery before another recovery", new_code_late, RECOVERED, "changed"),
        ("recovery before a removal by recovery", removed, lived_on, "changed"),
        ("somebody else", FIRST, bo, "changed"),
        ("another statement 0 with the same recovery key", FIRST, twin, "changed"),
        ("another statement 0 beside a long chain", recovered_later, twin, "changed"),
    ]
    both_ways = [
        *pairs,
        *((f"{name}, the other way", shown, pinned, back.get(v, v)) for name, pinned, shown, v in pairs[2:]),
    ]
    for name, pinned, shown, verdict in both_ways:
        assert judge(verify_chain(pinned), verify_chain(shown)) == verdict, name
    return [
        {
            "name": f"judge: {name}",
            "check": "judge",
            "expect": "ok",
            "pinned": pinned,
            "shown": shown,
            "verdict": verdict,
        }
        for name, pinned, shown, verdict in both_ways
    ]


def cases() -> list[Case]:
    return [*_next_statement(), *_good_chains(), *_bad_chains(), *_judge()]
