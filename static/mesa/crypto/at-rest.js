// The encrypted local store: sealed records, and the keys behind them. Spec: docs/spec/store-at-rest.md

import { concat } from "../lib/bytes.js"
import { Reader, VERSION, exactly, label, u16, u32, u8, utf8 } from "./encoding.js"
import { Malformed, NotOpened, WrongPassphrase } from "./errors.js"
import {
  KEY_BYTES,
  derive,
  heldMacKey,
  heldSealKey,
  mac,
  pbkdf2,
  randomBytes,
  seal,
  unseal,
} from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./primitives.js").Rng} Rng */
/**
 * What a store is sealed under: keys that the browser holds. They may stand in a database and be handed to another
 * window; no script reads them out.
 *
 * @typedef {{recordKey: CryptoKey, digestKey: CryptoKey}} StoreKeys
 */
/**
 * Where a record belongs; a record moved to another place does not open.
 *
 * @typedef {{table: string, rowKey: Bytes, schemaVersion: number}} Place
 */

const SPICE_BYTES = 16
const ROUNDS = 1_000_000
const LEAST_ROUNDS = 600_000
const MOST_ROUNDS = 10_000_000

/** How a master key is kept. Argon2id, which is 1, is the agent's: no browser has it. */
const Lock = Object.freeze({ BARE: 0, PBKDF2: 2 })

/** Makes the keys of a new store; the master key behind them is kept nowhere. */
export async function createStoreKeys(rng = randomBytes) {
  const master = rng(KEY_BYTES)
  const keys = await storeKeysOf(master)
  master.fill(0)
  return keys
}

/** @param {Bytes} master @returns {Promise<StoreKeys>} */
export async function storeKeysOf(master) {
  exactly(master, KEY_BYTES)
  const [record, digest] = await Promise.all([derive(master, "record"), derive(master, "row-digest")])
  return { recordKey: await heldSealKey(record), digestKey: await heldMacKey(digest) }
}

/** Seals one row for its place. @param {StoreKeys} keys @param {Place} place @param {Bytes} plaintext */
export async function sealRecord(keys, place, plaintext, rng = randomBytes) {
  return concat(u8(VERSION), await seal(keys.recordKey, plaintext, bound(place), rng))
}

/**
 * Opens a row from its place.
 *
 * @param {StoreKeys} keys
 * @param {Place} place
 * @param {Bytes} record
 * @throws {CryptoError} UnknownVersion: written by a newer version. NotOpened: changed, moved, or of another store
 */
export async function openRecord(keys, place, record) {
  const reader = new Reader(record)
  reader.version()
  return unseal(keys.recordKey, reader.rest(), bound(place))
}

/**
 * Digest of a value in a record, to find its row by; without the keys it tells nothing.
 *
 * @param {StoreKeys} keys
 * @param {string} table
 * @param {Bytes} value
 */
export function rowDigest(keys, table, value) {
  return mac(keys.digestKey, "row-digest", concat(named(table), value))
}

/** Seals and opens the rows of one store, all of one schema version. */
export class Sealer {
  #keys
  #schemaVersion

  /** @param {StoreKeys} keys @param {number} schemaVersion */
  constructor(keys, schemaVersion) {
    this.#keys = keys
    this.#schemaVersion = schemaVersion
  }

  /** @param {string} table @param {Bytes} rowKey @param {Bytes} plaintext */
  seal(table, rowKey, plaintext) {
    return sealRecord(this.#keys, { table, rowKey, schemaVersion: this.#schemaVersion }, plaintext)
  }

  /** @param {string} table @param {Bytes} rowKey @param {Bytes} record */
  open(table, rowKey, record) {
    return openRecord(this.#keys, { table, rowKey, schemaVersion: this.#schemaVersion }, record)
  }

  /** @param {string} table @param {Bytes} value */
  digest(table, value) {
    return rowDigest(this.#keys, table, value)
  }
}

/**
 * Writes a master key under a passphrase.
 *
 * @param {Bytes} master
 * @param {string} passphrase
 * @param {{rounds?: number, rng?: Rng}} [how]
 * @throws {WrongPassphrase} an empty one
 */
export async function lockMasterKey(master, passphrase, { rounds = ROUNDS, rng = randomBytes } = {}) {
  const head = concat(u8(VERSION), u8(Lock.PBKDF2), u32(checkedRounds(rounds)), rng(SPICE_BYTES))
  const key = await pbkdf2(typed(passphrase), head.slice(-SPICE_BYTES), rounds)
  return concat(head, await seal(key, exactly(master, KEY_BYTES), boundToHead(head), rng))
}

/**
 * Reads a master key.
 *
 * @param {Bytes} locked
 * @param {string | null} passphrase
 * @returns {Promise<Bytes>}
 * @throws {CryptoError} WrongPassphrase: it does not open, or none was given where one is needed. UnknownVersion,
 *   Malformed
 */
export async function unlockMasterKey(locked, passphrase) {
  const reader = new Reader(locked)
  reader.version()
  const lock = reader.u8()
  if (lock === Lock.BARE) return exactly(reader.rest(), KEY_BYTES)
  if (lock !== Lock.PBKDF2) throw new Malformed()
  if (passphrase === null) throw new WrongPassphrase()
  const rounds = checkedRounds(reader.u32())
  const key = await pbkdf2(typed(passphrase), reader.take(SPICE_BYTES), rounds)
  const head = reader.taken
  try {
    return await unseal(key, reader.rest(), boundToHead(head))
  } catch (error) {
    throw error instanceof NotOpened ? new WrongPassphrase() : error
  }
}

/** @param {Place} place */
function bound({ table, rowKey, schemaVersion }) {
  return concat(label("record"), named(table), u16(rowKey.length), rowKey, u16(schemaVersion))
}

/** @param {string} table */
function named(table) {
  const name = utf8(table)
  return concat(u8(name.length), name)
}

/** @param {Bytes} head */
function boundToHead(head) {
  return concat(label("master-key"), head)
}

/** A changed entry asks neither for too little nor for too much. @param {number} rounds */
function checkedRounds(rounds) {
  if (rounds < LEAST_ROUNDS || rounds > MOST_ROUNDS) throw new Malformed()
  return rounds
}

/** @param {string} passphrase */
function typed(passphrase) {
  // Keyboards differ in how they compose letters; what is typed is the same passphrase.
  if (passphrase === "") throw new WrongPassphrase()
  return utf8(passphrase.normalize("NFC"))
}
