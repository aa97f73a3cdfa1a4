"""Scenes of direct links: posted, offered, asked, answered."""

import secrets
import uuid
from typing import Any

from asgiref.sync import sync_to_async

from p2p.protocol.fields import b64_text
from p2p.protocol.ids import OfferId, TransactionId
from p2p.protocol.to_peer import DirectAsked, DirectReady
from p2p.protocol.to_server import DirectAnswer, DirectOffer
from p2p.records import TxKey
from tests.factories import make_client
from tests.p2p.peers import TestPeer
from tests.p2p.scenes import make_token

URL = "/api/p2p/direct/"
OFFER = OfferId(b"offer id")
SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
ANSWER = "v=0\r\no=- 2 1 IN IP4 0.0.0.0\r\n"
PROOF, ANSWER_PROOF = secrets.token_bytes(32), secrets.token_bytes(32)


async def post(sender: TestPeer, token: bytes, own: bytes, tx_id: str | None = None) -> Any:
    """Post a direct transaction; returns the response."""
    body = {"id": tx_id or str(uuid.uuid4()), "token": b64_text(token), "own": b64_text(own)}
    return await sync_to_async(make_client(sender.login).post)(URL, body, content_type="application/json")


async def post_directly(sender: TestPeer, receiver: TestPeer, own: bytes | None = None) -> TxKey:
    """Post a direct transaction under fresh tokens of both."""
    own = own or await make_token(sender.login)
    response = await post(sender, await make_token(receiver.login), own)
    assert response.status_code == 202, response.content
    return TxKey(response.json()["id"])


async def offer(sender: TestPeer, tx_key: TxKey, offer_id: OfferId = OFFER) -> None:
    """Offer, and wait until that was handled."""
    await sender.send(DirectOffer(TransactionId(uuid.UUID(tx_key)), offer_id, SDP, PROOF))
    await sender.settled()


async def ask_directly(sender: TestPeer, receiver: TestPeer) -> DirectAsked:
    """Post and offer; returns what the receiver was told."""
    await offer(sender, await post_directly(sender, receiver))
    return await receiver.expect(DirectAsked)


async def answer(receiver: TestPeer, asked: DirectAsked) -> None:
    """Answer, and wait until that was handled."""
    await receiver.send(DirectAnswer(asked.hop, ANSWER, ANSWER_PROOF))
    await receiver.settled()


async def open_direct(sender: TestPeer, receiver: TestPeer) -> DirectReady:
    """Do all of it; returns what the sender was told."""
    await answer(receiver, await ask_directly(sender, receiver))
    return await sender.expect(DirectReady)
