// Databases and stores for tests, each of its own.

import { openDatabase } from "../../../static/mesa/store/database.js"
import { Store } from "../../../static/mesa/store/store.js"

/** @typedef {import("../../../static/mesa/store/store.js").Sealer} Sealer */

let count = 0

/** @returns {string} a name that no other test uses */
export function freshName() {
  count += 1
  return `test-${count}-${crypto.randomUUID()}`
}

/** @type {import("../../../static/mesa/store/database.js").Step[]} */
export const STEPS = [
  (database) => {
    database.createObjectStore("settings", { keyPath: "name" })
    const things = database.createObjectStore("things", { keyPath: ["contact", "number"] })
    things.createIndex("place", ["contact", "place"])
  },
]

/** Seals nothing: what the store does with rows is the same. @type {Sealer} */
export const plain = {
  seal: async (_table, _key, plaintext) => plaintext,
  open: async (_table, _key, record) => record,
  digest: async (_table, value) => value,
}

/** @param {string} [name] */
export async function openPlain(name = freshName()) {
  const database = await openDatabase(name, STEPS, () => {})
  return { name, database, store: new Store(database, plain, await database.raiseEpoch()) }
}
