// The one door to IndexedDB. Inside a transaction nothing is awaited but its own requests: the browser ends a
// transaction that waits for anything else. So a write is handed over whole, and compares the epoch as it is done.
// Spec: docs/spec/web-app.md, section "Local store"

import { LeadershipLost, NewerVersion, StoreDamaged, StoreFull, StoreMissing } from "./errors.js"

/** @typedef {Record<string, any>} Row */
/** @typedef {{table: string, put: Row} | {table: string, delete: IDBValidKey}} Change */
/** @typedef {(database: IDBDatabase, transaction: IDBTransaction) => void} Step raises a database by one version */
/** @typedef {{index?: string, range?: IDBKeyRange, limit?: number, isReversed?: boolean}} Selection */

export const SETTINGS = "settings"
const EPOCH = "epoch"

/** An open database. */
export class Database {
  #database
  /** @type {Error | null} */
  #gone = null
  /** @type {Map<string, string | string[]>} */
  #paths = new Map()

  /** @param {IDBDatabase} database @param {(why: Error) => void} lost the database was taken away */
  constructor(database, lost) {
    this.#database = database
    const close = (/** @type {Error} */ why) => {
      this.#gone ??= why
      database.close()
      lost(why)
    }
    database.onclose = () => close(new StoreDamaged())
    // Another window wants to raise or delete it, and waits for this one.
    database.onversionchange = ({ newVersion }) =>
      close(newVersion === null ? new StoreDamaged() : new NewerVersion())
  }

  /** @param {string} table @param {IDBValidKey} key @returns {Promise<Row | undefined>} */
  get(table, key) {
    return result(this.#open([table], "readonly").objectStore(table).get(key))
  }

  /** @param {string} table @param {string | undefined} index @returns {string | string[]} what its keys are made of */
  keyPath(table, index) {
    const name = `${table} ${index}`
    if (!this.#paths.has(name)) {
      const store = this.#open([table], "readonly").objectStore(table)
      this.#paths.set(
        name,
        /** @type {string | string[]} */ (index ? store.index(index).keyPath : store.keyPath),
      )
    }
    return /** @type {string | string[]} */ (this.#paths.get(name))
  }

  /**
   * Reads rows in the order of a key; reversed it takes the last ones.
   *
   * @param {string} table
   * @param {Selection} selection
   * @returns {Promise<Row[]>}
   */
  select(table, { index, range, limit = Infinity, isReversed = false }) {
    const store = this.#open([table], "readonly").objectStore(table)
    const source = index ? store.index(index) : store
    const count = Number.isFinite(limit) ? limit : undefined
    if (!isReversed) return result(source.getAll(range, count))
    return new Promise((resolve, reject) => {
      // A cursor asks for each row anew: it only finds where the last ones begin, and they are read together.
      const place = source.openKeyCursor(range, "prev")
      place.onerror = () => reject(asStoreError(place.error))
      /** @type {IDBValidKey} */
      let first
      let isLast = count === undefined || count === 1
      place.onsuccess = () => {
        const cursor = place.result
        if (cursor) first = cursor.key
        if (cursor && !isLast) {
          isLast = true
          return cursor.advance(limit - 1)
        }
        const from = cursor && count !== undefined ? upwards(first, range) : range
        result(source.getAll(from)).then((rows) => resolve(rows.slice(-limit).reverse()), reject)
      }
    })
  }

  /** @param {string} table @param {Pick<Selection, "index" | "range">} selection @returns {Promise<number>} */
  count(table, { index, range }) {
    const store = this.#open([table], "readonly").objectStore(table)
    return result((index ? store.index(index) : store).count(range))
  }

  /**
   * Writes all of it or nothing, and only while the leadership is the one that read what this builds on.
   *
   * @param {Change[]} changes
   * @param {number} epoch
   * @returns {Promise<void>}
   * @throws {LeadershipLost}
   * @throws {StoreFull}
   */
  commit(changes, epoch) {
    const tables = new Set([SETTINGS, ...changes.map((change) => change.table)])
    return new Promise((resolve, reject) => {
      const transaction = this.#open([...tables], "readwrite")
      /** @type {Error | undefined} */
      let failure
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(failure ?? asStoreError(transaction.error))
      const read = transaction.objectStore(SETTINGS).get(EPOCH)
      read.onsuccess = () => {
        try {
          if (read.result?.value !== epoch) throw new LeadershipLost()
          for (const change of changes) {
            const table = transaction.objectStore(change.table)
            if ("put" in change) table.put(change.put)
            else table.delete(change.delete)
          }
        } catch (error) {
          failure = error instanceof LeadershipLost ? error : new StoreDamaged(undefined, { cause: error })
          transaction.abort()
        }
      }
    })
  }

  /** Begins a leadership: commits of all earlier ones fail from here on. @returns {Promise<number>} its number */
  raiseEpoch() {
    return new Promise((resolve, reject) => {
      const transaction = this.#open([SETTINGS], "readwrite")
      const settings = transaction.objectStore(SETTINGS)
      const read = settings.get(EPOCH)
      let epoch = 0
      read.onsuccess = () => {
        epoch = (read.result?.value ?? 0) + 1
        settings.put({ name: EPOCH, value: epoch })
      }
      transaction.oncomplete = () => resolve(epoch)
      transaction.onabort = () => reject(asStoreError(transaction.error))
    })
  }

  /** The leadership is over: what is still asked for fails so. */
  close() {
    this.#gone ??= new LeadershipLost()
    this.#database.close()
  }

  /** @param {string[]} tables @param {IDBTransactionMode} mode */
  #open(tables, mode) {
    if (this.#gone) throw this.#gone
    // Strict: what a receipt or a cell tells others of must survive a loss of power.
    return this.#database.transaction(tables, mode, { durability: "strict" })
  }
}

/**
 * Opens a database, and raises an older one step by step.
 *
 * @param {string} name
 * @param {Step[]} steps the first makes version 1
 * @param {(why: Error) => void} lost
 * @param {{mustExist?: boolean}} [how] whether one that is not there stays so
 * @returns {Promise<Database>}
 * @throws {NewerVersion}
 * @throws {StoreFull}
 * @throws {StoreMissing} it had to exist
 */
export function openDatabase(name, steps, lost, { mustExist = false } = {}) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, steps.length)
    let isMissing = false
    request.onupgradeneeded = ({ oldVersion }) => {
      const transaction = /** @type {IDBTransaction} */ (request.transaction)
      isMissing = mustExist && oldVersion === 0
      // With it goes what the browser has just made.
      if (isMissing) return transaction.abort()
      for (const step of steps.slice(oldVersion)) step(request.result, transaction)
    }
    request.onsuccess = () => resolve(new Database(request.result, lost))
    request.onerror = () => reject(isMissing ? new StoreMissing() : asStoreError(request.error))
  })
}

/**
 * Deletes a database.
 *
 * @param {string} name
 * @returns {Promise<boolean>} whether nothing of it is left; a window that stands still and holds it open delays that
 */
export function deleteDatabase(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name)
    request.onblocked = () => resolve(false)
    request.onsuccess = () => resolve(true)
    request.onerror = () => reject(asStoreError(request.error))
  })
}

/** @param {IDBValidKey} first @param {IDBKeyRange | undefined} range @returns {IDBKeyRange} what of a range begins there */
function upwards(first, range) {
  if (range?.upper === undefined) return IDBKeyRange.lowerBound(first)
  return IDBKeyRange.bound(first, range.upper, false, range.upperOpen)
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(asStoreError(request.error))
  })
}

/** @param {DOMException | null} error */
function asStoreError(error) {
  if (error?.name === "VersionError") return new NewerVersion()
  if (error?.name === "QuotaExceededError") return new StoreFull()
  return new StoreDamaged(undefined, { cause: error })
}
