"""Rows of a direct transaction name nobody, and once it has ended nothing says that two users had a link."""

import logging
import uuid

import pytest

from mesa.dumps import holding, naming_anybody, naming_two
from mesa.traces import pieces_in, pieces_of
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import DirectReady, TransactionEnded
from p2p.protocol.to_server import Complete
from tests.p2p.direct_scenes import ANSWER, ANSWER_PROOF, PROOF, SDP, open_direct
from tests.p2p.peers import Network
from tests.p2p.worker import after
from tests.privacy.held import TABLES, dump, ids_of


async def ended_direct(network: Network) -> DirectReady:
    """A direct transaction of ada's to bo that ended well."""
    ada, bo = await network.online("ada"), await network.online("bo")
    ready = await open_direct(ada, bo)
    await ada.send(Complete(ready.tx))
    await ada.expect(TransactionEnded)
    return ready


async def test_rows_name_nobody_while_the_link_is_open(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    ready = await open_direct(ada, bo)
    ids = [*await ids_of(ada), *await ids_of(bo)]

    held = await dump()

    rows = {table: held[table] for table in TABLES}
    assert all(rows.values())
    assert naming_anybody(held, TABLES) == []
    assert holding(rows, ids=[*ids, ready.hop]) == []


async def test_nothing_is_left_of_the_link_after_the_end(network: Network) -> None:
    ready = await ended_direct(network)
    await after(11)

    held = await dump()

    assert naming_anybody(held, TABLES) == []
    assert naming_two(held) == []
    assert holding(held, ids=[ready.hop, PROOF, ANSWER_PROOF]) == []


async def test_no_log_line_holds_a_piece_of_it(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    ready = await ended_direct(network)
    logging.getLogger("p2p").debug("still heard")

    assert "still heard" in caplog.text
    ids = [ident for peer in network.peers for ident in await ids_of(peer)]
    ids += [ready.hop, PROOF, ANSWER_PROOF, uuid.UUID(str(ready.tx)).bytes]
    pieces = frozenset[bytes]().union(*map(pieces_of, ids))
    assert [line for line in caplog.text.splitlines() if pieces & pieces_in(line)] == []
    assert b64_text(PROOF) not in caplog.text
    assert SDP not in caplog.text
    assert ANSWER not in caplog.text
