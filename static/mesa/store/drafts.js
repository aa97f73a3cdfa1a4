// What a user has begun to write, by contact.

import { utf8 } from "../crypto/encoding.js"
import { rowKey } from "./store.js"

/** @typedef {import("./store.js").Unit} Unit */

const TABLE = "drafts"

/** @param {Unit} unit @param {number} contact @returns {Promise<string>} empty: none */
export async function get(unit, contact) {
  const row = await unit.get(TABLE, contact)
  return row ? new TextDecoder().decode(await unit.open(TABLE, rowKey(contact), row.record)) : ""
}

/** @param {Unit} unit @param {number} contact @param {string} text empty: none any more */
export async function set(unit, contact, text) {
  if (text === "") unit.delete(TABLE, contact)
  else unit.put(TABLE, { contact, record: await unit.seal(TABLE, rowKey(contact), utf8(text)) })
}
