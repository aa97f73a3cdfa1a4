// Frames from the server to a peer: a fact or an order.
// Spec: docs/spec/signaling.md, section "Frames to the peer"

import { binary, binaryUpTo, choice, flag, listed, number, optional, record, sdp, text } from "./fields.js"
import { ONION_KEY_BYTES, TICKET_BYTES } from "./ids.js"
import * as limits from "./limits.js"
import * as parts from "./parts.js"
import { CAUSES, END_STATES, SESSION_END_CAUSES } from "./words.js"

const { attemptNumber, attemptsSoFar, deviceId, hopId, linkId, offerId, proof, token, transactionId } = parts
const { FORWARDERS, HOPS } = limits
const receipt = parts.receipt({ tx: transactionId })

/** By type, each with its keys in the order in which they are written. */
export const TO_PEER = {
  welcome: record({
    versions: listed(text, 4, 1),
    ice_servers: parts.iceServerList,
    limits: parts.serverLimits,
    epoch: parts.epoch,
    resume: parts.resume,
    resumed: flag,
  }),
  ice_servers: record({ ice_servers: parts.iceServerList }),
  snapshot: record({
    hops: listed(hopId, limits.MAX_HOPS),
    transactions: listed(parts.openTransaction, limits.MAX_OPEN_TRANSACTIONS),
    receipts: listed(receipt, limits.MAX_HELD_RECEIPTS),
    conversations: listed(parts.conversationRevision, limits.MAX_CONVERSATIONS),
  }),
  guard: record({ ticket: binaryUpTo(TICKET_BYTES), ...parts.orders }),
  offer_wanted: record({}),
  ready_to_receive: record(parts.orders),
  path_ready: record({
    tx: transactionId,
    attempt: attemptNumber,
    device: deviceId,
    onion_key: parts.signedOnionKey,
    forwarders: listed(binary(ONION_KEY_BYTES), FORWARDERS, FORWARDERS),
    hops: listed(hopId, HOPS, HOPS),
    link: linkId,
  }),
  answer: record({ link: linkId, sdp }),
  link_drop: record({ link: linkId }),
  receipt,
  attempt_failed: record({
    tx: transactionId,
    attempt: attemptsSoFar,
    cause: choice(CAUSES),
    forwarders: optional(number(0, FORWARDERS)),
  }),
  transaction_ended: record({
    tx: transactionId,
    state: choice(END_STATES),
    cause: optional(choice(CAUSES)),
  }),
  contact_online: record({ token }),
  mailbox: record({}),
  refresh: parts.conversationRevision,
  session_end: record({ cause: choice(SESSION_END_CAUSES) }),
  direct_asked: record({ token, hop: hopId, sdp, proof }),
  direct_ready: record({
    tx: transactionId,
    attempt: attemptNumber,
    device: deviceId,
    hop: hopId,
    offer: offerId,
    sdp,
    proof,
  }),
}
