"""The begin and the end of a transaction.

Spec: docs/spec/transactions.md
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.delivery import digest_of, recipient_of
from accounts.logins import Login
from mesa import store
from mesa.outages import STORE_DOWN
from p2p import limits, path_store, store_keys, turns
from p2p.access import require_own_token
from p2p.errors import TooBusy, TooManyTransactions, TransactionExists
from p2p.models import P2PPath, P2PTransaction, State, to_the_minute
from p2p.path_store import NewTx
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import TransactionEnded
from p2p.protocol.words import Cause, EndState
from p2p.pushing import push_frame
from p2p.records import DeviceKey, TxKey, UserKey

logger = logging.getLogger(__name__)


def start_transaction(
    *,
    login: Login,
    tx_id: UUID,
    token: bytes,
    tickets: Sequence[bytes] = (),
    own: bytes | None = None,
    now: datetime,
) -> None:
    """Begin to get what the caller holds to the owner of a delivery token.

    An unknown token begins a transaction like any other; it waits, and fails in the end. Tickets are kept as
    they are, and read when a path is drawn.
    own: the token by which the recipient reaches the caller, for a direct link between the two.
    Spec: docs/spec/transactions.md, steps 1 to 3

    Raises:
        TokenNotFound: `own` is no live token of the caller's.
        TransactionExists: the id is in use by another device, or by a transaction that has ended.
        TooManyTransactions: the device has MAX_OPEN_TRANSACTIONS of them.
        TooBusy: too many accounts wait for their turn, or the caller has too many jobs that wait.
    """
    sender = UserKey(str(login.user_id))
    _refuse_when_busy(sender)
    digest = digest_of(token)
    recipient = recipient_of(digest)
    if own is not None:
        require_own_token(login, own)
    new = NewTx(
        tx=TxKey(str(tx_id)),
        owner=DeviceKey(str(login.device_id)),
        sender=sender,
        recipient=UserKey(str(recipient)) if recipient else None,
        digest=b64_text(digest),
        tickets=tuple(b64_text(ticket) for ticket in tickets),
        own="" if own is None else b64_text(digest_of(own)),
    )
    outcome = path_store.start(new, now=now, due=now + limits.START_SAFETY)
    if outcome == "foreign":
        raise TransactionExists
    if outcome == "full":
        raise TooManyTransactions
    if outcome == "new" and not _note_start(tx_id, now) and not _is_found_already(new.tx):
        path_store.end(new.tx)
        raise TransactionExists
    transaction.on_commit(partial(turns.ask, sender, f"attempt:{new.tx}", now=now))


def _refuse_when_busy(sender: UserKey) -> None:
    backlog = turns.backlog(sender)
    if backlog.accounts > limits.MAX_WAITING_ACCOUNTS or backlog.own >= limits.MAX_WAITING_JOBS:
        raise TooBusy


def _note_start(tx_id: UUID, now: datetime) -> bool:
    """Write a transaction's row. False: there is one, so it has ended, or was lost with an emptied store."""
    try:
        with transaction.atomic():
            P2PTransaction.objects.create(pk=tx_id, started=to_the_minute(now))
    except IntegrityError:
        return False
    return True


def _is_found_already(tx_key: TxKey) -> bool:
    """Tell whether a row is there because a worker, for whom the deadline came first, has made it."""
    tx = path_store.read(tx_key)
    is_begun = tx is not None and tx.attempt > 0
    return is_begun and P2PTransaction.objects.alive().filter(pk=tx_key).exists()


def withdraw_reach(digests: Sequence[bytes]) -> None:
    """Have the open transactions end that name delivery tokens which were deleted just now."""
    now = timezone.now()
    try:
        for digest in digests:
            for tx in sorted(store.client().smembers(store_keys.reaching(b64_text(digest)))):
                sender = store.client().hget(store_keys.tx(TxKey(tx)), "sender")
                turns.ask(UserKey(sender or turns.NOBODY), f"withdraw:{tx}", now=now)
    except STORE_DOWN as error:
        # The tokens are gone; each transaction asks for its own again when it is attended or kept.
        logger.warning("the end of a token waits for the next deadline: %s", type(error).__name__)


def end_transaction(*, tx_key: TxKey, state: EndState, cause: Cause | None, now: datetime) -> None:
    """End a transaction: the store forgets all of it at once, its sender is told."""
    tx = path_store.end(tx_key)
    if tx is None:
        return
    minute = to_the_minute(now)
    ended = {"state": state.value, "cause": str(cause or ""), "attempts": tx.attempt, "ended": minute}
    with transaction.atomic():
        if not P2PTransaction.objects.alive().filter(pk=tx_key).update(**ended):
            # No row: the web process died before it was written.
            P2PTransaction.objects.get_or_create(pk=tx_key, defaults={"started": minute, **ended})
        paths = P2PPath.objects.filter(transaction__pk=tx_key, state=State.OPEN)
        paths.update(state=state.value, ended=minute)
    push_frame(tx.owner, TransactionEnded(tx.id, state, cause))
