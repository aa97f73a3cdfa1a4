"""Distinct types of ids, so that the checker finds swapped arguments. Sizes in bytes."""

import uuid
from typing import NewType

LinkId = NewType("LinkId", bytes)
HopId = NewType("HopId", bytes)
OfferId = NewType("OfferId", bytes)
StreamId = NewType("StreamId", bytes)
TransactionId = NewType("TransactionId", uuid.UUID)
DeviceId = NewType("DeviceId", uuid.UUID)

PEER_HANDLE_BYTES = 16
LINK_ID_BYTES = 16
HOP_ID_BYTES = 8
OFFER_ID_BYTES = 8
STREAM_ID_BYTES = 8
EPOCH_BYTES = 16
RESUME_BYTES = 32
TOKEN_BYTES = 32
ONION_KEY_BYTES = 32
SIGNED_ONION_KEY_BYTES = 117
DIGEST_BYTES = 16
MAC_BYTES = 16
PROOF_BYTES = 32
TICKET_BYTES = 512
