"""The steps that must be one in the store, each in its own file under `lua/`.

A script gets the keys' common prefix and builds names from what it finds; so the store is one server.
"""

from pathlib import Path
from typing import Final

from mesa import store

FOLDER: Final = Path(__file__).parent / "lua"
PREFIX: Final = store.key("")


def _load(*names: str) -> store.Script:
    """Load the script of the last name; what it begins with is in the files before."""
    return store.script(names[-1], "".join((FOLDER / f"{name}.lua").read_text() for name in names))


PRESENCE_OPEN: Final = _load("presence_open")
PRESENCE_CLOSE: Final = _load("closing", "presence_close")
WEB_CLOSE: Final = _load("closing", "web_close")
PRESENCE_REFRESH: Final = _load("presence_refresh")
PRESENCE_NETWORK: Final = _load("presence_network")
PRESENCE_ADD_OFFER: Final = _load("presence_add_offer")
OFFERS_POP: Final = _load("offers_pop")
FORWARDERS_SAMPLE: Final = _load("forwarders_sample")
LINK_REPORT_UP: Final = _load("link_report_up")
LINK_PAIR: Final = _load("link_pair")
LINK_REMOVE: Final = _load("link_remove")
LINK_ANSWER: Final = _load("link_answer")
DIRECT_ANSWER: Final = _load("direct_answer")
LINK_STAND: Final = _load("link_stand")
TICKETS_GIVE: Final = _load("tickets_give")
PEER_GUARDED: Final = _load("peer_guarded")
FIND_ENDS: Final = _load("find_ends")
SURVEY: Final = _load("survey")
FIND_LEASE: Final = _load("find_lease")
FIND_RELEASE: Final = _load("find_release")
JOB_ASK: Final = _load("turns", "job_ask")
TURN_TAKE: Final = _load("turns", "turn_take")
TASK_ASK: Final = _load("turns", "task_ask")
TX_WAKE: Final = _load("turns", "tx_wake")
PATH_PUT: Final = _load("path_put")
TX_START: Final = _load("tx_start")
TX_CREDIT: Final = _load("tx_credit")
TX_END: Final = _load("tx_end")
WATCH_ADD: Final = _load("watch_add")
SNAPSHOT_READ: Final = _load("snapshot_read")
