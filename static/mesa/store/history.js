// Messages of both sides, numbered per contact, and the order in which they are shown.
// Spec: docs/spec/agent.md, section "Order of messages"

import { Reader, u64 } from "../crypto/encoding.js"
import { MAX_SEEN, Message, createMessage } from "../crypto/messages.js"
import { concat, equal } from "../lib/bytes.js"
import { came, hold } from "./held.js"
import { beginsWith } from "./schema.js"
import { rowKey } from "./store.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/messages.js").Content} Content */
/** @typedef {import("./database.js").Row} Row */
/** @typedef {import("./store.js").Unit} Unit */

/**
 * Where a stored message stands. What came goes held → ready → shown; a gap gap → missing, or → ready. Silent: it is
 * kept to be known, and is nothing to show.
 *
 * @typedef {"undelivered" | "delivered" | "held" | "ready" | "shown" | "gap" | "missing" | "silent"} Kept
 */

/**
 * A message, or (without `message`) the place of one that others follow and that did not come.
 *
 * @typedef {object} Entry
 * @property {number} contact
 * @property {number} number counts the messages with one contact, of both sides
 * @property {boolean} isOutgoing
 * @property {Kept} state
 * @property {number} place in the order of showing; 0 for none
 * @property {Message | null} message
 * @property {number} receivedMs
 */

/** @typedef {Entry & {message: Message}} Stored */

export const TABLE = "messages"
/** @type {Kept[]} */
const GAPS = ["gap", "missing"]

/** Keeps a message of ours: later than all before it, and knowing what it follows. @param {Unit} unit @param {number} contact @param {Content} content @param {number} nowMs @param {Bytes} [messageId] @returns {Promise<Stored>} */
export async function write(unit, contact, content, nowMs, messageId) {
  const last = await lastOutgoing(unit, contact)
  const sentMs = last ? Math.max(nowMs, Number(last.message.sentMs) + 1) : nowMs
  const message = createMessage(content, { nowMs: sentMs, seen: await seenBy(unit, contact, last) })
  if (messageId) message.messageId = messageId
  return insert(unit, { contact, isOutgoing: true, state: "undelivered", message, receivedMs: nowMs })
}

/**
 * Keeps a message of the contact's, held while it has to wait. One that comes after its gap takes the gap's number, and
 * waits for nothing: what follows was shown.
 *
 * @param {Unit} unit
 * @param {number} contact
 * @param {Message} message
 * @param {{nowMs: number, isSilent: boolean}} about
 * @returns {Promise<Stored | null>} null if it was here before
 */
export async function receive(unit, contact, message, { nowMs, isSilent }) {
  const digest = await digestOf(unit, message.messageId)
  const known = await findById(unit, contact, digest, 0)
  if (known && !GAPS.includes(known.state)) return null
  /** @type {Kept} */
  const free = isSilent ? "silent" : "ready"
  const coming = { contact, isOutgoing: false, message, receivedMs: nowMs }
  if (known) return fill(unit, known.number, { ...coming, state: free })
  const awaited = isSilent ? [] : await awaitedOf(unit, contact, message)
  const stored = await insert(unit, { ...coming, state: awaited.length > 0 ? "held" : free })
  if (awaited.length > 0) await hold(unit, contact, stored.number, awaited)
  return stored
}

/** @param {Unit} unit @param {number} contact @param {number} number @returns {Promise<Stored>} */
export async function get(unit, contact, number) {
  const row = await unit.get(TABLE, [contact, number])
  return /** @type {Stored} */ (await open(unit, /** @type {Row} */ (row)))
}

/** The number of a message of ours. @param {Unit} unit @param {number} contact @param {Bytes} messageId @returns {Promise<number | undefined>} */
export async function numberOf(unit, contact, messageId) {
  return (await findById(unit, contact, await digestOf(unit, messageId), 1))?.number
}

/**
 * A message of ours as it is sealed for devices that have those from a number on, and those that have no receipt yet: it
 * names no others, for which they would wait in vain.
 *
 * @param {Unit} unit
 * @param {Stored} stored
 * @param {number} from
 * @returns {Promise<Stored>}
 */
export async function followable(unit, stored, from) {
  const { contact, message } = stored
  /** @type {Bytes[]} */
  const seen = []
  for (const id of message.seen) {
    const digest = await digestOf(unit, id)
    const row = (await findById(unit, contact, digest, 1)) ?? (await findById(unit, contact, digest, 0))
    if (row && (row.number >= from || row.state === "undelivered")) seen.push(id)
  }
  const { messageId, sentMs, content, receiptKey } = message
  return { ...stored, message: new Message(messageId, sentMs, content, receiptKey, seen) }
}

/** Messages of a contact in a state, in the order of their numbers. @param {Unit} unit @param {Kept} state @param {number} contact @param {number} [limit] @returns {Promise<Stored[]>} */
export async function inState(unit, state, contact, limit) {
  const rows = await unit.select(TABLE, { index: "state", range: beginsWith(state, contact), limit })
  return /** @type {Promise<Stored[]>} */ (Promise.all(rows.map((row) => open(unit, row))))
}

/** Numbers of the contacts that have a message in this state. @param {Unit} unit @param {Kept} state @returns {Promise<number[]>} */
export async function contactsWith(unit, state) {
  const rows = await unit.select(TABLE, { index: "state", range: beginsWith(state) })
  return [...new Set(rows.map((row) => row.contact))]
}

/** Tells whether a message stands there. @param {Unit} unit @param {number} contact @param {number} number @param {Kept} state */
export async function isIn(unit, contact, number, state) {
  return (await unit.get(TABLE, [contact, number]))?.state === state
}

/** Moves a message to another state; one that becomes ready gets the next place. @param {Unit} unit @param {Stored} stored @param {Kept} state @returns {Promise<Stored>} */
export async function mark(unit, stored, state) {
  const row = /** @type {Row} */ (await unit.get(TABLE, [stored.contact, stored.number]))
  const place = state === "ready" ? await nextPlace(unit, stored.contact) : row.place
  unit.put(TABLE, { ...row, state, place })
  return { ...stored, state, place: place ?? 0 }
}

/** Notes that a message of ours has its receipt. @param {Unit} unit @param {number} contact @param {number} number */
export async function delivered(unit, contact, number) {
  const row = await unit.get(TABLE, [contact, number])
  if (row) unit.put(TABLE, { ...row, state: "delivered" })
}

/** Notes that nobody has to wait for a message. @param {Unit} unit @param {Stored} stored */
export async function cameIn(unit, { contact, message }) {
  await came(unit, contact, await digestOf(unit, message.messageId))
}

/** Gives up waiting for a message, and keeps its place. @param {Unit} unit @param {number} contact @param {Bytes} digest @returns {Promise<Entry | null>} null if it came */
export async function leaveGap(unit, contact, digest) {
  if ((await findById(unit, contact, digest, 0)) ?? (await findById(unit, contact, digest, 1))) return null
  const [number, place] = [await nextNumber(unit, contact), await nextPlace(unit, contact)]
  const record = await unit.seal(TABLE, rowKey(contact, number), u64(0n))
  unit.put(TABLE, { contact, number, outgoing: 0, message: digest, state: "gap", place, record })
  return { contact, number, isOutgoing: false, state: "gap", place, message: null, receivedMs: 0 }
}

/** @param {Unit} unit @param {Omit<Stored, "number" | "place">} message @returns {Promise<Stored>} */
async function insert(unit, message) {
  return fill(unit, await nextNumber(unit, message.contact), message)
}

/** Writes a message in its row; what may be shown gets the next place. @param {Unit} unit @param {number} number @param {Omit<Stored, "number" | "place">} about @returns {Promise<Stored>} */
async function fill(unit, number, about) {
  const { contact, isOutgoing, state, message, receivedMs } = about
  const place = isOutgoing || state === "ready" ? await nextPlace(unit, contact) : undefined
  const record = await unit.seal(
    TABLE,
    rowKey(contact, number),
    concat(u64(BigInt(receivedMs)), message.pack()),
  )
  const digest = await digestOf(unit, message.messageId)
  unit.put(TABLE, { contact, number, outgoing: Number(isOutgoing), message: digest, state, place, record })
  return { ...about, number, place: place ?? 0 }
}

/** Opens what stands in a row. @param {Unit} unit @param {Row} row @returns {Promise<Entry>} */
export async function open(unit, row) {
  const { contact, number, state, place = 0 } = row
  const about = { contact, number, isOutgoing: row.outgoing === 1, state, place }
  if (GAPS.includes(state)) return { ...about, message: null, receivedMs: 0 }
  const reader = new Reader(await unit.open(TABLE, rowKey(contact, number), row.record))
  return { ...about, receivedMs: Number(reader.u64()), message: Message.unpack(reader.rest()) }
}

/** The digests of messages that one follows and that are not here, or are held themselves. @param {Unit} unit @param {number} contact @param {Message} message */
async function awaitedOf(unit, contact, message) {
  const digests = await Promise.all(message.seen.map((id) => digestOf(unit, id)))
  const rows = await Promise.all(
    digests.map((digest) => unit.select(TABLE, { index: "message", range: beginsWith(contact, digest) })),
  )
  return digests.filter((digest, at) => {
    const isFirst = digests.findIndex((each) => equal(each, digest)) === at
    return isFirst && rows[at].every(({ state }) => state === "held")
  })
}

/** The ids of the last messages; our own last one is always named: by it the other side finds a gap. @param {Unit} unit @param {number} contact @param {Stored | undefined} last */
async function seenBy(unit, contact, last) {
  const rows = await unit.select(TABLE, { range: beginsWith(contact), limit: 4 * MAX_SEEN, isReversed: true })
  const messages = rows.filter((row) => row.state !== "silent" && !GAPS.includes(row.state))
  const last8 = messages.slice(0, MAX_SEEN).reverse()
  const entries = /** @type {Stored[]} */ (await Promise.all(last8.map((row) => open(unit, row))))
  const seen = entries.map((each) => each.message.messageId)
  if (last && !entries.some((each) => each.number === last.number)) {
    seen.splice(0, Number(seen.length === MAX_SEEN), last.message.messageId)
  }
  return seen
}

/** @param {Unit} unit @param {number} contact @returns {Promise<Stored | undefined>} */
async function lastOutgoing(unit, contact) {
  const range = beginsWith(contact, 1)
  const rows = await unit.select(TABLE, { index: "side", range, limit: 1, isReversed: true })
  return rows.length > 0 ? /** @type {Promise<Stored>} */ (open(unit, rows[0])) : undefined
}

/** @param {Unit} unit @param {number} contact @param {Bytes} digest @param {0 | 1} outgoing @returns {Promise<Row | undefined>} */
async function findById(unit, contact, digest, outgoing) {
  const range = IDBKeyRange.only([contact, digest, outgoing])
  return (await unit.select(TABLE, { index: "message", range, limit: 1 }))[0]
}

/** The number of the next message with a contact. @param {Unit} unit @param {number} contact */
export async function nextNumber(unit, contact) {
  const [last] = await unit.select(TABLE, { range: beginsWith(contact), limit: 1, isReversed: true })
  return 1 + (last?.number ?? 0)
}

/** @param {Unit} unit @param {number} contact */
async function nextPlace(unit, contact) {
  const range = beginsWith(contact)
  const [last] = await unit.select(TABLE, { index: "place", range, limit: 1, isReversed: true })
  return 1 + (last?.place ?? 0)
}

/** @param {Unit} unit @param {Bytes} id */
function digestOf(unit, id) {
  return unit.digest(TABLE, id)
}
