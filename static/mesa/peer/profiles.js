// STUB
import { createStoreKeys } from "../crypto/at-rest.js"
import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { openDatabase } from "../store/database.js"
/** @typedef {{number: number, database: string, keys: any, name: string}} Profile */
const STEPS = [
  (/** @type {IDBDatabase} */ db) => {
    db.createObjectStore("settings", { keyPath: "name" })
    db.createObjectStore("profiles", { keyPath: "number" })
  },
]
/** @returns {Promise<any>} */
export async function openProfiles() {
  const database = await openDatabase("mesa-profiles", STEPS, () => {})
  return {
    all: () => database.select("profiles", {}),
    async create(/** @type {string} */ name) {
      const profile = {
        number: 1 + (await database.count("profiles", {})),
        database: `mesa-${toHex(randomBytes(8))}`,
        keys: await createStoreKeys(),
        name,
      }
      await database.commit([{ table: "profiles", put: profile }], await database.raiseEpoch())
      return profile
    },
  }
}
