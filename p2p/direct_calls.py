"""The offer of a direct link while it waits for an answer, and the answer: in the store, and nowhere else.

The `a` functions are for socket handlers.
Spec: docs/spec/direct.md, section "Procedure"
"""

from dataclasses import dataclass
from uuid import UUID

from mesa import store
from p2p import scripts, store_keys
from p2p.path_store import Fields
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import OfferId
from p2p.protocol.to_server import DirectAnswer, DirectOffer
from p2p.records import DeviceKey, HopKey, PeerId, TxKey
from p2p.store_keys import milliseconds


@dataclass(frozen=True, slots=True)
class Call:
    """An offer and what became of it: the hops that devices were asked with, and the first answer.

    `answer`, `answer_proof`: of the device that was asked with `hop`; empty before.
    """

    peer: PeerId
    offer: OfferId
    sdp: str
    proof: bytes
    asked: dict[DeviceKey, HopKey]
    hop: HopKey | None
    answer: str
    answer_proof: bytes

    @property
    def answerer(self) -> DeviceKey | None:
        """The device that answered."""
        return next((device for device, hop in self.asked.items() if hop == self.hop), None)


async def akeep_offer(tx_key: TxKey, peer: PeerId, frame: DirectOffer) -> None:
    """Keep an offer in place of the one before, with whatever came of that."""
    name = store_keys.direct(tx_key)
    fields: Fields = {
        "peer": peer,
        "offer": b64_text(frame.id),
        "sdp": frame.sdp,
        "proof": b64_text(frame.proof),
    }
    async with store.async_client().pipeline() as batch:
        batch.delete(name)
        batch.hset(name, mapping=fields)
        batch.expire(name, store_keys.DIRECT_TTL)
        await batch.execute()


async def akeep_answer(tx_key: TxKey, frame: DirectAnswer) -> bool:
    """Keep the first answer to the present offer; tells whether this is it."""
    args = [b64_text(frame.hop), frame.sdp, b64_text(frame.proof), milliseconds(store_keys.DIRECT_TTL)]
    return bool(await scripts.DIRECT_ANSWER.arun([store_keys.direct(tx_key)], args))


def read_call(tx_key: TxKey) -> Call | None:
    """Read the present offer and what became of it; None when there is none."""
    fields = store.client().hgetall(store_keys.direct(tx_key))
    # What was noted of an offer that has just ended stands there alone.
    if "sdp" not in fields:
        return None
    asked_with, *words = fields.get("asked", "").split() or [""]
    if asked_with != fields["offer"]:
        words = []
    return Call(
        peer=PeerId(fields["peer"]),
        offer=OfferId(b64_bytes(fields["offer"])),
        sdp=fields["sdp"],
        proof=b64_bytes(fields["proof"]),
        asked={DeviceKey(device): HopKey(hop) for device, hop in zip(words[::2], words[1::2], strict=True)},
        hop=HopKey(fields["hop"]) if "hop" in fields else None,
        answer=fields.get("answer", ""),
        answer_proof=b64_bytes(fields["answer_proof"]) if "answer_proof" in fields else b"",
    )


def queue_asked(batch: store.Pipeline, tx_key: TxKey, offer: OfferId, asked: dict[DeviceKey, HopKey]) -> None:
    """Queue who was asked with an offer, and with which hop; it may be replaced by then."""
    text = " ".join([b64_text(offer), *(f"{device} {hop}" for device, hop in asked.items())])
    batch.hset(store_keys.direct(tx_key), "asked", text)
    batch.expire(store_keys.direct(tx_key), store_keys.DIRECT_TTL)


def device_id(device: DeviceKey) -> UUID:
    """A device's id as frames have it."""
    return UUID(device)
