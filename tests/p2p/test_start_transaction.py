"""POST transactions: one answer for every token, the same id twice, and refusals."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.delivery import delete_tokens, digest_of
from mesa import deadlines, store
from p2p import path_store, turns
from p2p.models import P2PTransaction
from p2p.protocol.fields import b64_text
from p2p.protocol.words import EndState
from p2p.records import TxKey, TxState
from p2p.services import end_transaction
from tests.factories import LoggedIn, make_client, make_delivery_token, make_login, make_user

URL = "/api/p2p/transactions/"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_store")]


def body(raw_token: bytes = bytes(32), **changed: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "token": b64_text(raw_token), "tickets": [], **changed}


def post(login: LoggedIn | None, content: dict[str, Any]) -> Any:
    return make_client(login).post(URL, content, content_type="application/json")


def queued_tasks() -> list[dict[str, Any]]:
    return [json.loads(entry) for entry in store.client().lrange("broker:path", 0, -1)]


def test_store_row_and_task_are_there_when_the_answer_comes() -> None:
    ada, content = make_login(username="ada"), body(make_delivery_token(recipient=make_user("bo")))

    response = post(ada, content)

    tx = path_store.read(TxKey(content["id"]))
    assert (response.status_code, response.json()) == (202, {"id": content["id"]})
    assert tx is not None
    assert (tx.state, tx.attempt) == (TxState.FINDING, 0)
    assert deadlines.due_at("attempt", content["id"]) is not None
    assert P2PTransaction.objects.get().state == "open"
    assert [task["headers"]["task"] for task in queued_tasks()] == ["p2p.tasks.take_turn"]
    assert turns.take(now=timezone.now()) == turns.Turn(f"attempt:{content['id']}", is_last=True)


def test_the_same_id_by_the_same_device_gets_the_same_answer() -> None:
    ada, content = make_login(username="ada"), body()

    answers = [post(ada, content) for _ in range(2)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {"id": content["id"]})] * 2
    assert P2PTransaction.objects.count() == 1


def test_the_same_id_by_another_device_is_refused_and_changes_nothing() -> None:
    ada, mallory, content = make_login(username="ada"), make_login(username="mallory"), body()
    post(ada, content)
    before = path_store.read(TxKey(content["id"]))

    response = post(mallory, content)

    assert (response.status_code, response.json()["code"]) == (409, "transaction_exists")
    assert path_store.read(TxKey(content["id"])) == before


def test_the_id_of_an_ended_transaction_is_refused_and_leaves_nothing() -> None:
    ada, content = make_login(username="ada"), body()
    P2PTransaction.objects.create(
        id=content["id"], state="completed", started=timezone.now(), ended=timezone.now()
    )

    response = post(ada, content)

    assert response.status_code == 409
    assert path_store.read(TxKey(content["id"])) is None
    assert deadlines.due_at("attempt", content["id"]) is None
    assert queued_tasks() == []


def test_unknown_deleted_and_offline_look_alike() -> None:
    ada, bo = make_login(username="ada"), make_user("bo")
    offline, deleted = make_delivery_token(recipient=bo), make_delivery_token(recipient=bo)
    delete_tokens(user=bo, digests=[digest_of(deleted)])

    answers = [post(ada, body(token)) for token in (offline, deleted, uuid.uuid4().bytes * 2)]

    assert {answer.status_code for answer in answers} == {202}
    assert {tuple(answer.json()) for answer in answers} == {("id",)}
    rows = P2PTransaction.objects.values_list("state", "attempts", "cause")
    assert set(rows) == {("open", 0, "")}


@pytest.mark.parametrize(
    "changed",
    [
        {"id": str(uuid.uuid1())},
        {"id": str(uuid.uuid4()).upper()},
        {"id": 5},
        {"token": b64_text(bytes(31))},
        {"token": b64_text(bytes(32)) + "="},
        {"token": None},
        {"tickets": [b64_text(bytes(513))]},
        {"tickets": [b64_text(bytes([at])) for at in range(6)]},
        {"tickets": None},
        {"more": 1},
    ],
)
def test_a_body_of_another_shape_is_refused(changed: dict[str, Any]) -> None:
    response = post(make_login(username="ada"), body(**changed))

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert not P2PTransaction.objects.exists()


def test_nobody_without_a_login_starts_one() -> None:
    response = post(None, body())

    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


def test_a_device_has_a_limited_number_of_open_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_store, "MAX_OPEN_TRANSACTIONS", 2)
    ada = make_login(username="ada")

    codes = [post(ada, body()).status_code for _ in range(3)]

    assert codes == [202, 202, 429]


def test_who_has_many_jobs_waiting_is_told_to_come_back_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("p2p.limits.MAX_WAITING_JOBS", 2)
    mallory, ada = make_login(username="mallory"), make_login(username="ada")

    responses = [post(mallory, body()) for _ in range(3)]

    assert [response.status_code for response in responses] == [202, 202, 503]
    assert responses[-1].json()["code"] == "unavailable"
    assert int(responses[-1]["Retry-After"]) >= 1
    assert post(ada, body()).status_code == 202


def test_a_crowd_that_waits_is_a_reason_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2p.limits.MAX_WAITING_ACCOUNTS", 1)

    codes = [post(make_login(), body()).status_code for _ in range(3)]

    assert codes == [202, 202, 503]


def test_the_tokens_digest_is_kept_in_the_store_until_the_end_only_and_never_in_sql() -> None:
    token = make_delivery_token(recipient=make_user("bo"))
    content = body(token)

    post(make_login(username="ada"), content)

    record = str(store.client().hgetall(store.key("tx", content["id"])))
    assert b64_text(token) not in record
    assert b64_text(digest_of(token)) in record
    row = str(P2PTransaction.objects.values().get())
    assert not any(text in row for text in (b64_text(digest_of(token)), digest_of(token).hex()))
    end_transaction(tx_key=TxKey(content["id"]), state=EndState.COMPLETED, cause=None, now=timezone.now())
    assert b64_text(digest_of(token)) not in str(whole_store())


def whole_store() -> list[Any]:
    """Everything that the store holds, its tasks too."""
    client = store.client()
    reads: dict[str, Callable[[str], Any]] = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda name: client.lrange(name, 0, -1),
        "set": client.smembers,
        "zset": lambda name: client.zrange(name, 0, -1),
    }
    return [(name, reads[client.type(name)](name)) for name in client.scan_iter()]
