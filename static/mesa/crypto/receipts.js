// Receipts: proof of arrival that only the two ends can make. Spec: docs/spec/receipts.md

import { concat } from "../lib/bytes.js"
import { exactly } from "./encoding.js"
import { mac, same, sha256 } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

export const RECEIPT_KEY_BYTES = 32
export const HASH_PART_BYTES = 16

/**
 * SHA-256 of an envelope: how both ends know it again.
 *
 * @param {Bytes} envelope
 */
export function envelopeHash(envelope) {
  return sha256(envelope)
}

/**
 * Receipt for the envelope with this SHA-256; `key` came inside the message.
 *
 * Layout:
 *     0    16   first half of the hash
 *     16   16   first half of HMAC-SHA256 over the whole hash
 *
 * @param {Bytes} key
 * @param {Bytes} hashed
 * @returns {Promise<Bytes>}
 * @throws {Malformed} a key or a hash of another size
 */
export async function makeReceipt(key, hashed) {
  const proof = await mac(exactly(key, RECEIPT_KEY_BYTES), "receipt", exactly(hashed, 32))
  return concat(hashed.subarray(0, HASH_PART_BYTES), proof.subarray(0, 16))
}

/**
 * Checks a receipt in constant time.
 *
 * @param {Bytes} entry
 * @param {Bytes} key
 * @param {Bytes} hashed
 */
export async function isReceipt(entry, key, hashed) {
  return same(entry, await makeReceipt(key, hashed))
}
