// The accounts of this browser profile: each has a database of its own, and keys that no script can read out.
// Spec: docs/spec/web-app.md, section "Local store"

import { Sealer, createStoreKeys } from "../crypto/at-rest.js"
import { utf8 } from "../crypto/encoding.js"
import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { randomNumber } from "../store/contact-book.js"
import { StoreFull, StoreMissing } from "../store/errors.js"
import { SETTINGS, deleteDatabase, openDatabase } from "../store/database.js"
import { STEPS } from "../store/schema.js"
import { Store, Unit, rowKey } from "../store/store.js"

/** @typedef {import("../store/database.js").Change} Change */
/** @typedef {import("../store/database.js").Database} Database */
/** @typedef {import("../crypto/at-rest.js").StoreKeys} StoreKeys */
/** @typedef {{number: number, database: string, keys: StoreKeys, userName: string}} Profile */

const LIST = "mesa-profiles"
const PROFILES = "profiles"
const CURRENT = "current"
const NAME_BYTES = 8
// What stands in records; it rises when that changes, which the number of a database need not mean.
const RECORDS_VERSION = 1

/** @type {import("../store/database.js").Step[]} */
const LIST_STEPS = [
  (database) => {
    database.createObjectStore(SETTINGS, { keyPath: "name" })
    database.createObjectStore(PROFILES, { keyPath: "profile" })
  },
]

/** Which accounts there are here, and which of them is logged in: the cookies of a browser profile hold one login. */
export class Profiles {
  #list

  /** @param {string} [list] name of the database with all of them */
  constructor(list = LIST) {
    this.#list = list
  }

  /** @returns {Promise<Profile[]>} */
  all() {
    return this.#use(async (list) =>
      Promise.all((await list.select(PROFILES, {})).filter(hasKeys).map((row) => opened(list, row))),
    )
  }

  /** @param {string} userName folded @returns {Promise<Profile | undefined>} */
  async find(userName) {
    return (await this.all()).find((each) => each.userName === userName)
  }

  /** The account that is logged in here, as far as this browser knows. @returns {Promise<Profile | undefined>} */
  async current() {
    const number = await this.#use(async (list) => (await list.get(SETTINGS, CURRENT))?.value)
    return (await this.all()).find((each) => each.number === number)
  }

  /** @param {number | null} number of the account that is logged in, if any */
  setCurrent(number) {
    return this.#change([{ table: SETTINGS, put: { name: CURRENT, value: number } }])
  }

  /** Makes place for an account: a name for its database, and keys. @param {string} userName folded @returns {Promise<Profile>} */
  async add(userName) {
    const [number, keys, database] = [
      randomNumber(),
      await createStoreKeys(),
      `mesa-${toHex(randomBytes(NAME_BYTES))}`,
    ]
    await this.#use(async (list) => {
      const record = await unitOf(list, keys).seal(PROFILES, rowKey(number), utf8(userName))
      return list.commit(
        [{ table: PROFILES, put: { profile: number, database, keys, record } }],
        await list.raiseEpoch(),
      )
    })
    return { number, database, keys, userName }
  }

  /** Deletes an account's keys and database: nothing of it can be read here from then on. @param {Profile} profile */
  async forget(profile) {
    const { number, database } = profile
    const isCurrent = (await this.current())?.number === number
    /** @type {Change[]} */
    const changes = [{ table: PROFILES, put: { profile: number, database } }]
    if (isCurrent) changes.push({ table: SETTINGS, put: { name: CURRENT, value: null } })
    try {
      // First: another window may hold the database open.
      await this.#change(changes)
    } catch (error) {
      if (!(error instanceof StoreFull)) throw error
      // What goes makes space.
      await deleteDatabase(database)
      await this.#change(changes)
    }
    await this.#delete({ profile: number, database })
  }

  /** Goes on with deleting what has no keys any more; may wait for other windows. */
  async deleteForgotten() {
    const rows = await this.#use((list) => list.select(PROFILES, {}))
    await Promise.all(rows.filter((row) => !hasKeys(row)).map((row) => this.#delete(row)))
  }

  /** @param {import("../store/database.js").Row} row */
  async #delete({ profile, database }) {
    // Last, so that what was cut short can be done again.
    if (await deleteDatabase(database)) await this.#change([{ table: PROFILES, delete: profile }])
  }

  /** @param {Change[]} changes */
  #change(changes) {
    return this.#use(async (list) => list.commit(changes, await list.raiseEpoch()))
  }

  /** One window at a time: whoever writes is the leader of this database for that moment. @template T @param {(list: Database) => Promise<T>} act @returns {Promise<T>} */
  async #use(act) {
    return navigator.locks.request(this.#list, async () => {
      const list = await openDatabase(this.#list, LIST_STEPS, () => {})
      return act(list).finally(() => list.close())
    })
  }
}

/**
 * Opens an account's store as its leader: all earlier ones can write no more.
 *
 * @param {Profile} profile
 * @param {(why: Error) => void} [lost] the database was taken away
 * @param {{mustExist?: boolean}} [how]
 * @returns {Promise<Store>}
 * @throws {import("../store/errors.js").StoreError}
 */
export async function openStore({ database: name, keys }, lost = () => {}, how = {}) {
  const database = await openDatabase(name, STEPS, lost, how)
  return new Store(database, new Sealer(keys, RECORDS_VERSION), await database.raiseEpoch())
}

/** Reads in an account's store, whoever leads. @template T @param {Profile} profile @param {(view: Unit) => Promise<T>} read @returns {Promise<T | undefined>} nothing, if there is no store */
export async function readStore({ database: name, keys }, read) {
  const opening = openDatabase(name, STEPS, () => {}, { mustExist: true })
  const database = await opening.catch((error) => {
    if (error instanceof StoreMissing) return undefined
    throw error
  })
  return database && read(unitOf(database, keys)).finally(() => database.close())
}

/** @param {Database} list @param {StoreKeys} keys */
function unitOf(list, keys) {
  return new Unit(list, new Sealer(keys, RECORDS_VERSION), new Map())
}

/** @param {import("../store/database.js").Row} row */
function hasKeys(row) {
  return row.keys !== undefined
}

/** @param {Database} list @param {import("../store/database.js").Row} row @returns {Promise<Profile>} */
async function opened(list, { profile: number, database, keys, record }) {
  const name = await unitOf(list, keys).open(PROFILES, rowKey(number), record)
  return { number, database, keys, userName: new TextDecoder().decode(name) }
}
