"""Changes of a transaction that meet each other."""

from datetime import datetime, timedelta

import pytest
from redis.exceptions import WatchError

from mesa import store
from p2p import path_store, store_keys
from p2p.path_store import CHANGE_TRIES, NewTx
from p2p.records import DeviceKey, Tx, TxKey, UserKey

TX = TxKey("7d1f3e0a-0000-4000-8000-000000000001")


@pytest.fixture
def _started(empty_store: store.Client) -> None:
    now = datetime.now()
    new = NewTx(TX, DeviceKey("device"), UserKey("ada"), None, "digest")
    assert path_store.start(new, now=now, due=now + timedelta(seconds=1)) == "new"


class Rival:
    """Changes the transaction while another is about to, as often as it is let."""

    def __init__(self, times: int) -> None:
        self.left, self.asked = times, 0

    def decide(self, tx: Tx, batch: store.Pipeline) -> Tx:
        self.asked += 1
        if self.left:
            self.left -= 1
            with store.client().pipeline() as faster:
                path_store.queue_fields(faster, TX, {"used": self.asked})
                faster.execute()
        path_store.queue_fields(batch, TX, {"cause": "mine"})
        return tx


@pytest.mark.usefixtures("_started")
def test_change_that_another_overtook_is_decided_again() -> None:
    rival = Rival(3)

    assert path_store.change(TX, rival.decide) is not None

    assert (rival.asked, store.client().hget(store_keys.tx(TX), "cause")) == (4, "mine")


@pytest.mark.usefixtures("_started")
def test_change_that_is_always_overtaken_is_given_up() -> None:
    rival = Rival(1_000)

    with pytest.raises(WatchError):
        path_store.change(TX, rival.decide)

    assert (rival.asked, store.client().hget(store_keys.tx(TX), "cause")) == (CHANGE_TRIES, "")
