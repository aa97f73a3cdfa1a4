// What of a conversation a person is shown, and has seen.
// Spec: docs/spec/agent.md, section "Showing messages"

import { TABLE, open } from "./history.js"
import { beginsWith } from "./schema.js"

/** @typedef {import("./history.js").Entry} Entry */
/** @typedef {import("./history.js").Kept} Kept */
/** @typedef {import("./store.js").Unit} Unit */

/** @type {Record<string, Kept>} */
const AFTER_SHOWING = { ready: "shown", gap: "missing" }

/** Notes that messages and gaps of a contact were shown, up to a place. @param {Unit} unit @param {number} contact @param {number} place */
export async function showed(unit, contact, place) {
  for (const state of Object.keys(AFTER_SHOWING)) {
    const rows = await unit.select(TABLE, { index: "state", range: beginsWith(state, contact) })
    for (const row of rows.filter((each) => each.place <= place)) {
      unit.put(TABLE, { ...row, state: AFTER_SHOWING[state] })
    }
  }
}

/** How many messages of a contact wait to be shown. @param {Unit} unit @param {number} contact @returns {Promise<number>} */
export function unread(unit, contact) {
  return unit.count(TABLE, { index: "state", range: beginsWith("ready", contact) })
}

/**
 * The last messages of a conversation before a place, in their order; no others are opened.
 *
 * @param {Unit} unit
 * @param {number} contact
 * @param {{before?: number, limit: number}} which
 * @returns {Promise<Entry[]>}
 */
export async function conversation(unit, contact, { before = Infinity, limit }) {
  const range = IDBKeyRange.bound([contact], [contact, before], false, true)
  const rows = await unit.select(TABLE, { index: "place", range, limit, isReversed: true })
  return Promise.all(rows.reverse().map((row) => open(unit, row)))
}
