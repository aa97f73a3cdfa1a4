"""A ban ends a user's sockets at once; for others that user is offline from then on."""

from asgiref.sync import sync_to_async

from accounts.bans import ban
from accounts.models import User
from mesa import store
from p2p import store_keys
from p2p.protocol.errors import SessionEnded
from p2p.protocol.to_peer import SessionEnd
from p2p.protocol.words import SessionEndCause
from p2p.records import TxKey
from tests.factories import LoggedIn
from tests.p2p.peers import Network, communicator
from tests.p2p.scenes import make_token, post, tx_fields
from tests.p2p.worker import after


async def ban_user(login: LoggedIn) -> None:
    user = await sync_to_async(User.objects.get)(pk=login.login.user_id)
    await sync_to_async(ban)(user=user)


async def test_socket_of_a_banned_user_is_closed_at_once(network: Network) -> None:
    ada = await network.online("ada", forward=True)

    await ban_user(ada.login)

    told = await ada.expect(SessionEnd)
    assert told.cause is SessionEndCause.REVOKED
    assert await ada.expect_close() == SessionEnded.close_code
    await ada.socket.disconnect()
    assert await store.async_client().zcard(store_keys.FORWARDERS) == 0


async def test_banned_user_opens_no_socket(network: Network) -> None:
    ada = await network.login("ada")
    await ban_user(ada)

    socket = communicator(ada)
    assert (await socket.connect())[0]

    assert (await socket.receive_output())["code"] == SessionEnded.close_code


async def test_transaction_to_a_banned_user_waits_like_one_to_somebody_offline(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    offline = await network.login("mallory")
    await network.forwarders(3)
    tokens = [await make_token(bo.login), await make_token(offline)]
    await ban_user(bo.login)
    await bo.expect_close()
    await bo.socket.disconnect()
    await after(3.5)

    ids = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]
    answers = [await post(ada.login, token, tx_id) for token, tx_id in zip(tokens, ids, strict=True)]

    assert [answer.status_code for answer in answers] == [202, 202]
    records = [await tx_fields(TxKey(tx_id)) for tx_id in ids]
    assert {record["state"] for record in records} == {"waiting"}
    assert records[0].keys() == records[1].keys()
    assert {record["cause"] for record in records} == {"no_path"}
