// What leaves this device: each message sealed once per device of the contact, kept until its receipt came.
// Spec: docs/spec/receipts.md and docs/spec/outbox.md

import { Reader, u64 } from "../crypto/encoding.js"
import { renewMessage } from "../crypto/messages.js"
import { SESSION_ID_BYTES } from "../crypto/ratchet-state.js"
import { HASH_PART_BYTES, RECEIPT_KEY_BYTES, envelopeHash, isReceipt } from "../crypto/receipts.js"
import { concat, toHex } from "../lib/bytes.js"
import * as history from "./history.js"
import { beginsWith } from "./schema.js"
import * as sessions from "./session-book.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/sessions.js").Session} Session */
/** @typedef {import("../protocol/parts.js").ReceiptEntry} ReceiptEntry */
/** @typedef {import("./database.js").Row} Row */
/** @typedef {import("./history.js").Stored} Stored */
/** @typedef {import("./store.js").Unit} Unit */

/**
 * One message as one device of the contact will get it; every try sends these same bytes.
 *
 * @typedef {{number: number, envelope: Bytes, sealedMs: number}} Sealed
 */

const TABLE = "envelopes"

/** The sealed form of a message, if it was sealed for this device before. @param {Unit} unit @param {number} contact @param {number} number @param {DeviceEntry} device @returns {Promise<Sealed | undefined>} */
export async function find(unit, contact, number, device) {
  const range = IDBKeyRange.only([contact, number, await unit.digest(TABLE, device.deviceId)])
  const [row] = await unit.select(TABLE, { index: "message", range, limit: 1 })
  return row && open(unit, row)
}

/**
 * Seals a message; the session's next state is kept with it.
 *
 * @param {Unit} unit
 * @param {Stored} stored
 * @param {DeviceEntry} device
 * @param {Session} session
 * @param {number} nowMs
 * @returns {Promise<Sealed>}
 * @throws {NotReady} the session can not send yet; nothing was written
 */
export async function seal(unit, stored, device, session, nowMs) {
  const { contact, number } = stored
  const message = renewMessage(stored.message)
  const [next, envelope] = await session.encrypt(message.pack())
  const digest = await keyOf(unit, await envelopeHash(envelope))
  const plaintext = concat(session.sessionId, message.receiptKey, u64(BigInt(nowMs)), envelope)
  const record = await unit.seal(TABLE, digest, plaintext)
  await sessions.save(unit, contact, next)
  unit.put(TABLE, { digest, contact, number, device: await unit.digest(TABLE, device.deviceId), record })
  return { number, envelope, sealedMs: nowMs }
}

/**
 * Takes the receipts of a frame: what genuine ones are for is delivered. A receipt that is not for this contact, or
 * came before, is passed over: no answer is due.
 *
 * @param {Unit} unit
 * @param {number} contact
 * @param {ReceiptEntry[]} entries
 * @returns {Promise<{delivered: number[], false: number[]}>} numbers of messages; false: whoever made the receipt does
 *     not have the key that is inside the message
 */
export async function receipted(unit, contact, entries) {
  const [delivered, untrue] = [new Set(), new Set()]
  const confirmed = new Map()
  for (const entry of entries) {
    const row = await unit.get(TABLE, await keyOf(unit, entry.digest))
    if (row?.contact !== contact) continue
    const { number, sessionId, key, envelope } = await open(unit, row)
    if (await isReceipt(concat(entry.digest, entry.mac), key, await envelopeHash(envelope))) {
      delivered.add(number)
      confirmed.set(toHex(sessionId), sessionId)
    } else untrue.add(number)
  }
  for (const number of delivered) {
    await history.delivered(unit, contact, number)
    await forget(unit, beginsWith(contact, number))
  }
  for (const sessionId of confirmed.values()) await sessions.confirm(unit, sessionId)
  return { delivered: [...delivered], false: [...untrue] }
}

/** Forgets sealed forms: the contact can not open them. @param {Unit} unit @param {number} contact */
export function unsealAll(unit, contact) {
  return forget(unit, beginsWith(contact))
}

/** @param {Unit} unit @param {IDBKeyRange} range */
async function forget(unit, range) {
  for (const row of await unit.select(TABLE, { index: "message", range })) unit.delete(TABLE, row.digest)
}

/** Receipts name the first half of an envelope's hash. @param {Unit} unit @param {Bytes} hash */
function keyOf(unit, hash) {
  return unit.digest(TABLE, hash.slice(0, HASH_PART_BYTES))
}

/** Layout: session id 16 | receipt key 32 | time of sealing in ms 8 | envelope. @param {Unit} unit @param {Row} row */
async function open(unit, { digest, number, record }) {
  const reader = new Reader(await unit.open(TABLE, digest, record))
  const [sessionId, key] = [reader.take(SESSION_ID_BYTES), reader.take(RECEIPT_KEY_BYTES)]
  const sealedMs = Number(reader.u64())
  return { number: /** @type {number} */ (number), sessionId, key, sealedMs, envelope: reader.rest() }
}
