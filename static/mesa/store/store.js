// Units of work on the local store: each reads, remembers what it wants to write, and commits all of it at once.
// Spec: docs/spec/web-app.md, section "Local store"

import { u64, utf8 } from "../crypto/encoding.js"
import { concat, equal, toHex } from "../lib/bytes.js"
import { Turns } from "../lib/turns.js"
import { SETTINGS } from "./database.js"
import { StoreDamaged } from "./errors.js"

/** @typedef {import("./database.js").Database} Database */
/** @typedef {import("./database.js").Row} Row */
/** @typedef {import("./database.js").Selection} Selection */
/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

/** @typedef {Map<string, {record: Bytes, plaintext: Bytes}>} Opened */

/**
 * Seals what stands in a row for its place, and opens it.
 *
 * @typedef {object} Sealer
 * @property {(table: string, key: Bytes, plaintext: Bytes) => Promise<Bytes>} seal
 * @property {(table: string, key: Bytes, record: Bytes) => Promise<Bytes>} open
 * @property {(table: string, value: Bytes) => Promise<Bytes>} digest beside a record it finds the row
 */

const STEP_BYTES = 256
const LENGTH_BYTES = 4
// Some records are read with every message; they are kept open as long as the very same bytes are found again.
const KEPT_OPEN = 512
const MAX_KEPT_BYTES = 4_096

/** What a unit of work sees: the store, and on top of it what the unit has written. */
export class Unit {
  #database
  #sealer
  /** @type {Map<string, Map<string, {key: IDBValidKey, row: Row | undefined}>>} */
  #written = new Map()

  #opened

  /** @param {Database} database @param {Sealer} sealer @param {Opened} opened */
  constructor(database, sealer, opened) {
    this.#database = database
    this.#sealer = sealer
    this.#opened = opened
  }

  /** @param {string} table @param {IDBValidKey} key @returns {Promise<Row | undefined>} */
  async get(table, key) {
    const written = this.#written.get(table)?.get(nameOf(key))
    return written ? written.row : this.#database.get(table, key)
  }

  /** @param {string} table @param {Selection} [selection] @returns {Promise<Row[]>} */
  async select(table, selection = {}) {
    const written = this.#written.get(table)
    if (!written) return this.#database.select(table, selection)
    const { index, range, limit, isReversed } = selection
    const [own, ordering] = [this.#database.keyPath(table, undefined), this.#database.keyPath(table, index)]
    // Of what is stored, the unit may have replaced as many as it has written.
    const enough = limit === undefined ? undefined : limit + written.size
    const stored = await this.#database.select(table, { index, range, limit: enough, isReversed })
    const rows = stored.filter((row) => !written.has(nameOf(/** @type {IDBValidKey} */ (keyOf(row, own)))))
    for (const { row } of written.values()) {
      const key = row && keyOf(row, ordering)
      if (row && key !== undefined && (!range || range.includes(key))) rows.push(row)
    }
    rows.sort((one, other) => indexedDB.cmp(keyOf(one, ordering), keyOf(other, ordering)))
    if (isReversed) rows.reverse()
    return rows.slice(0, limit)
  }

  /** @param {string} table @param {Selection} [selection] @returns {Promise<number>} */
  async count(table, selection = {}) {
    return this.#written.has(table)
      ? (await this.select(table, selection)).length
      : this.#database.count(table, selection)
  }

  /** @param {string} table @param {Row} row */
  put(table, row) {
    const key = /** @type {IDBValidKey} */ (keyOf(row, this.#database.keyPath(table, undefined)))
    this.#write(table, key, row)
  }

  /** @param {string} table @param {IDBValidKey} key */
  delete(table, key) {
    this.#write(table, key, undefined)
  }

  /** @param {string} table @param {Bytes} key @param {Bytes} plaintext @returns {Promise<Bytes>} */
  seal(table, key, plaintext) {
    return this.#sealer.seal(table, key, padded(plaintext))
  }

  /**
   * @param {string} table
   * @param {Bytes} key
   * @param {Bytes} record
   * @returns {Promise<Bytes>}
   * @throws {StoreDamaged} it was changed or moved
   */
  async open(table, key, record) {
    const name = `${table} ${toHex(key)}`
    const known = this.#opened.get(name)
    if (known && equal(known.record, record)) return known.plaintext.slice()
    try {
      const plaintext = unpadded(await this.#sealer.open(table, key, record))
      this.#keepOpen(name, record, plaintext)
      return plaintext.slice()
    } catch (error) {
      throw new StoreDamaged(undefined, { cause: error })
    }
  }

  /** @param {string} table @param {Bytes} value @returns {Promise<Bytes>} */
  digest(table, value) {
    return this.#sealer.digest(table, value)
  }

  /** @param {string} name @returns {Promise<Bytes | undefined>} */
  async setting(name) {
    const row = await this.get(SETTINGS, name)
    return row && this.open(SETTINGS, utf8(name), row.record)
  }

  /** @param {string} name @param {Bytes | undefined} value without one the setting goes */
  async setSetting(name, value) {
    if (value) this.put(SETTINGS, { name, record: await this.seal(SETTINGS, utf8(name), value) })
    else this.delete(SETTINGS, name)
  }

  /** @returns {import("./database.js").Change[]} */
  get changes() {
    return [...this.#written].flatMap(([table, rows]) =>
      [...rows.values()].map(({ key, row }) => (row ? { table, put: row } : { table, delete: key })),
    )
  }

  /** @param {string} name @param {Bytes} record @param {Bytes} plaintext */
  #keepOpen(name, record, plaintext) {
    if (plaintext.length > MAX_KEPT_BYTES) return
    this.#opened.delete(name)
    this.#opened.set(name, { record, plaintext })
    const [oldest] = this.#opened.keys()
    if (this.#opened.size > KEPT_OPEN) this.#opened.delete(oldest)
  }

  /** @param {string} table @param {IDBValidKey} key @param {Row | undefined} row */
  #write(table, key, row) {
    if (!this.#written.has(table)) this.#written.set(table, new Map())
    this.#written.get(table)?.set(nameOf(key), { key, row })
  }
}

/** The store of one account, as its leader window sees it. */
export class Store {
  #database
  #sealer
  #epoch
  /** @type {Opened} */
  #opened = new Map()
  #turns = new Turns()

  /** @param {Database} database @param {Sealer} sealer @param {number} epoch of the leadership */
  constructor(database, sealer, epoch) {
    this.#database = database
    this.#sealer = sealer
    this.#epoch = epoch
  }

  /** What is committed at this moment; nothing is written through it. */
  get view() {
    return new Unit(this.#database, this.#sealer, this.#opened)
  }

  /**
   * Commits all that the work writes, or nothing of it. Units follow one another and do not nest; none may wait
   * for the network, since all others wait for it.
   *
   * @template T
   * @param {(unit: Unit) => Promise<T>} work
   * @returns {Promise<T>} once it is on the disk
   * @throws {import("./errors.js").LeadershipLost}
   * @throws {import("./errors.js").StoreFull}
   */
  transaction(work) {
    return this.#turns.take(async () => {
      const unit = this.view
      const value = await work(unit)
      const { changes } = unit
      if (changes.length > 0) await this.#database.commit(changes, this.#epoch)
      return value
    })
  }

  close() {
    this.#database.close()
  }
}

/** The bytes that bind a record to its row: numbers as 8 bytes, the rest as it is. @param {...(number | Bytes)} parts */
export function rowKey(...parts) {
  return concat(...parts.map((part) => (typeof part === "number" ? u64(BigInt(part)) : part)))
}

/** @param {Bytes} plaintext */
function padded(plaintext) {
  const size = Math.ceil((LENGTH_BYTES + plaintext.length) / STEP_BYTES) * STEP_BYTES
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, plaintext.length)
  bytes.set(plaintext, LENGTH_BYTES)
  return bytes
}

/** @param {Bytes} bytes */
function unpadded(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (LENGTH_BYTES + length > bytes.length) throw new RangeError("a record is shorter than it says")
  return bytes.slice(LENGTH_BYTES, LENGTH_BYTES + length)
}

/** @param {Row} row @param {string | string[]} path @returns {IDBValidKey | undefined} none if a part is missing */
function keyOf(row, path) {
  if (typeof path === "string") return row[path] ?? undefined
  const parts = path.map((name) => row[name])
  return parts.every((part) => part !== undefined && part !== null) ? parts : undefined
}

/** @param {IDBValidKey} key @returns {string} the same for the same key alone */
function nameOf(key) {
  if (Array.isArray(key)) return `[${key.map(nameOf).join()}]`
  if (key instanceof Uint8Array) return `b${toHex(key)}`
  return JSON.stringify(key)
}
