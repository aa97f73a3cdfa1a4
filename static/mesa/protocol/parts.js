// Nested objects of frames, and the codecs of ids. Spec: docs/spec/signaling.md

import { binary, choice, flag, listed, number, optional, record, sdp, text, uuid4 } from "./fields.js"
import * as ids from "./ids.js"
import * as limits from "./limits.js"
import { TRANSACTION_STATES } from "./words.js"

/** @template C @typedef {import("./fields.js").Value<C>} Value */
/** @typedef {Value<typeof stockOffer>} StockOffer One ready WebRTC offer; good for one answer. */
/** @typedef {Value<typeof inOrder> | Value<typeof outOrder>} Order One hop a peer is to be ready for. */
/** @typedef {Value<typeof iceServer>} IceServer A STUN or TURN server, as WebRTC takes it. */
/** @typedef {Value<typeof receiptEntry>} ReceiptEntry `digest` is the beginning of SHA-256(ciphertext). */
/** @typedef {Value<typeof credit>} Credit The highest index up to which a stream has no gap. */

export const hopId = binary(ids.HOP_ID_BYTES)
export const linkId = binary(ids.LINK_ID_BYTES)
export const offerId = binary(ids.OFFER_ID_BYTES)
export const transactionId = uuid4
export const deviceId = uuid4
export const token = binary(ids.TOKEN_BYTES)
export const proof = binary(ids.PROOF_BYTES)
export const signedOnionKey = binary(ids.SIGNED_ONION_KEY_BYTES)
export const epoch = binary(ids.EPOCH_BYTES)
export const resume = binary(ids.RESUME_BYTES)
export const attemptNumber = number(1, limits.MAX_ATTEMPT)
export const attemptsSoFar = number(0, limits.MAX_ATTEMPT)
const revisionNumber = number(0, 2 ** 53 - 1)
const count = number(1, limits.MAX_SERVER_LIMIT)

export const capabilities = record({ forward: flag })
export const stockOffer = record({ id: offerId, sdp })

const receiptEntry = record({ digest: binary(ids.DIGEST_BYTES), mac: binary(ids.MAC_BYTES) })
const credit = record({ stream: binary(ids.STREAM_ID_BYTES), index: number(0, limits.MAX_INDEX) })

/**
 * A receipt, named by one key more; it says something.
 *
 * @template {import("./fields.js").Fields} F
 * @param {F} name
 */
export const receipt = (name) =>
  record(
    { ...name, entries: listed(receiptEntry, limits.MAX_RECEIPT_ENTRIES), credit: optional(credit) },
    (values) => values.entries.length > 0 || values.credit !== null,
  )

/**
 * A hop, and how its link comes to be.
 *
 * @template {"open" | "answer" | "taken"} H
 * @param {readonly H[]} hows those that the place of the order allows
 */
const order = (hows) =>
  record(
    { hop: hopId, link: linkId, how: choice(hows), sdp: optional(sdp), offer: optional(offerId) },
    (values) =>
      (values.sdp !== null) === (values.how === "answer") &&
      (values.offer !== null) === (values.how === "taken"),
  )

const inOrder = order(["open", "answer"])
const outOrder = order(["open", "taken"])
export const orders = { in: inOrder, out: outOrder }

const iceServer = record({ urls: listed(text, 4, 1), username: optional(text), credential: optional(text) })
export const iceServerList = listed(iceServer, limits.MAX_ICE_SERVERS)

export const serverLimits = record({
  frame_bytes: count,
  frames_per_s: count,
  offers: number(1, limits.MAX_OFFERS),
  sdp_bytes: count,
  watch: count,
})
export const openTransaction = record({
  tx: transactionId,
  state: choice(TRANSACTION_STATES),
  attempt: attemptsSoFar,
})
export const conversationRevision = record({ conversation: deviceId, revision: revisionNumber })
