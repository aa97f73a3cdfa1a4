// Which messages that came wait for which: what is looked at is what follows a message, never all that waits.
// Spec: docs/spec/agent.md, section "Order of messages"

import { beginsWith } from "./schema.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./store.js").Unit} Unit */

// As many messages of one contact wait, and as much of them; beyond that the first are waited for no longer.
export const MAX_HELD = 4_096
export const MAX_HELD_BYTES = 16 * 1_024 * 1_024

/** Lets a message wait for others, which are named by their digests. @param {Unit} unit @param {number} contact @param {number} number @param {Bytes[]} awaited */
export async function hold(unit, contact, number, awaited) {
  for (const message of awaited) unit.put("waits", { contact, message, number })
  await count(unit, contact, number, 1)
}

/** Lets a message wait no longer. @param {Unit} unit @param {number} contact @param {number} number */
export async function release(unit, contact, number) {
  const waits = await unit.select("waits", { index: "number", range: IDBKeyRange.only([contact, number]) })
  for (const each of waits) unit.delete("waits", [contact, each.message, number])
  await count(unit, contact, number, -1)
}

/** Tells whether too much of a contact's waits. @param {Unit} unit @param {number} contact */
export async function isOverfull(unit, contact) {
  const row = await unit.get("held", contact)
  return row !== undefined && (row.messages > MAX_HELD || row.bytes > MAX_HELD_BYTES)
}

/** Numbers of the contacts of whom something waits. @param {Unit} unit @returns {Promise<number[]>} */
export async function holding(unit) {
  return (await unit.select("held")).map((row) => row.contact)
}

/** Digests of the messages that one waits for. @param {Unit} unit @param {number} contact @param {number} number @returns {Promise<Bytes[]>} */
export async function awaitedBy(unit, contact, number) {
  const rows = await unit.select("waits", { index: "number", range: IDBKeyRange.only([contact, number]) })
  return rows.map((row) => row.message)
}

/** Notes that nobody has to wait for a message; `takeFollowers` tells who did. @param {Unit} unit @param {number} contact @param {Bytes} message */
export async function came(unit, contact, message) {
  const waiting = await unit.select("waits", { range: beginsWith(contact, message), limit: 1 })
  if (waiting.length > 0) unit.put("came", { contact, message })
}

/** Numbers of the contacts whose followers were not all taken. @param {Unit} unit @returns {Promise<number[]>} */
export async function contactsWithFollowers(unit) {
  return [...new Set((await unit.select("came")).map((row) => row.contact))]
}

/**
 * Takes numbers of messages that waited for one that came.
 *
 * @param {Unit} unit
 * @param {number} contact
 * @param {number} limit
 * @returns {Promise<number[] | null>} at most so many; null: nothing came
 */
export async function takeFollowers(unit, contact, limit) {
  const [row] = await unit.select("came", { range: beginsWith(contact), limit: 1 })
  if (!row) return null
  const waiting = await unit.select("waits", { range: beginsWith(contact, row.message), limit })
  for (const each of waiting) unit.delete("waits", [contact, each.message, each.number])
  if (waiting.length < limit) unit.delete("came", [contact, row.message])
  return waiting.map((each) => each.number)
}

/** @param {Unit} unit @param {number} contact @param {number} number @param {1 | -1} sign */
async function count(unit, contact, number, sign) {
  const message = await unit.get("messages", [contact, number])
  const row = (await unit.get("held", contact)) ?? { contact, messages: 0, bytes: 0 }
  const messages = row.messages + sign
  if (messages === 0) unit.delete("held", contact)
  else unit.put("held", { contact, messages, bytes: row.bytes + sign * (message?.record.length ?? 0) })
}
