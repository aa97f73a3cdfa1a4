"""How many sessions two devices keep. Spec: docs/spec/handshake.md, section "Sessions"."""

from peer_agent.crypto.sessions import MAX_SESSIONS
from tests.peer_agent.devices import Device, begin_session


def write_in_sessions(sender: Device, receiver: Device, count: int) -> list[bytes]:
    """Write a message in the session that the two have, and in each of so many that are begun after it."""
    envelopes = [sender.write(receiver, "0")]
    for number in range(1, count):
        sender.time.now += 1
        begin_session(sender, receiver)
        envelopes.append(sender.write(receiver, str(number)))
    return envelopes


def count_sessions(device: Device, peer: Device) -> int:
    number = device.contact(peer).number
    rows = device.store.rows("SELECT COUNT(*) FROM sessions WHERE contact = ?", (number,))
    return int(rows[0][0])


def test_messages_in_four_sessions_are_opened_in_whatever_order_they_come(ada: Device, bo: Device) -> None:
    envelopes = write_in_sessions(ada, bo, 4)

    receipts = [bo.inbox.take(envelope) for envelope in reversed(envelopes)]

    assert None not in receipts
    assert bo.shown == ["0", "1", "2", "3"]
    assert count_sessions(ada, bo) == count_sessions(bo, ada) == MAX_SESSIONS == 4


def test_of_five_sessions_with_one_device_the_oldest_goes(ada: Device, bo: Device, olga: Device) -> None:
    of_olga = olga.write(bo, "hello")
    late = ada.write(bo, "late")
    envelopes = write_in_sessions(ada, bo, 5)
    for envelope in envelopes:
        bo.time.now += 1
        assert bo.inbox.take(envelope) is not None

    assert count_sessions(ada, bo) == count_sessions(bo, ada) == 4
    assert bo.inbox.take(late) is None
    assert bo.inbox.take(ada.write(bo, "in the newest")) is not None
    assert bo.inbox.take(of_olga) is not None
