import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import {
  Sealer,
  createStoreKeys,
  lockMasterKey,
  openRecord,
  rowDigest,
  sealRecord,
  storeKeysOf,
  unlockMasterKey,
} from "../../../static/mesa/crypto/at-rest.js"
import { Malformed, NotOpened, WrongPassphrase } from "../../../static/mesa/crypto/errors.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { casesOf } from "../vectors.js"
import { drawing, putAll } from "./cases.js"

/** @typedef {import("../vectors.js").Case} Case */

const TEXT = fromHex("6120726f77")
const ROW = fromHex("01")
// Locks 1 of the agent are left out: no browser has Argon2id.
const OF_AGENTS = ["lock-argon2id", "unlock-argon2id"]
// Where salt and nonce of lock 2 stand.
const [SALT_AT, SEALED_AT, NONCE_END] = [6, 22, 34]

/** @param {Case} each */
const placeOf = ({ table, row_key, schema_version }) => ({
  table,
  rowKey: fromHex(row_key),
  schemaVersion: schema_version,
})

/** @param {Case} each */
const keysOf = ({ master_key }) => storeKeysOf(fromHex(master_key))

export async function recordsAreSealedAndOpenedAsVectorsSay() {
  await putAll("store-at-rest", "record", async (each) => {
    const made = await sealRecord(
      await keysOf(each),
      placeOf(each),
      fromHex(each.plaintext),
      drawing(each.draws),
    )
    assertEqual(toHex(made), each.record)
  })
  await putAll("store-at-rest", "open-record", async (each) => {
    const opened = await openRecord(await keysOf(each), placeOf(each), fromHex(each.record))
    assertEqual(toHex(opened), each.plaintext)
  })
}

export async function rowDigestsAreThoseOfTheVectors() {
  await putAll("store-at-rest", "row-digest", async (each) => {
    assertEqual(toHex(await rowDigest(await keysOf(each), each.table, fromHex(each.value))), each.digest)
  })
}

export async function masterKeysAreUnlockedAsVectorsSay() {
  await putAll("store-at-rest", "unlock", async ({ locked, passphrase, master_key }) => {
    assertEqual(toHex(await unlockMasterKey(fromHex(locked), passphrase)), master_key)
  })
}

export async function masterKeysAreLockedAsTheyAreUnlocked() {
  for (const { locked, passphrase, master_key, expect } of await casesOf("store-at-rest", "unlock")) {
    if (expect !== "ok" || passphrase === null) continue
    const raw = fromHex(locked)
    const rng = drawing([raw.slice(SALT_AT, SEALED_AT), raw.slice(SEALED_AT, NONCE_END)].map(toHex))
    assertEqual(toHex(await lockMasterKey(fromHex(master_key), passphrase, { rounds: 600_000, rng })), locked)
  }
}

export async function everyCheckOfThePageIsRunButThoseOfAgents() {
  const checks = new Set((await casesOf("store-at-rest")).map(({ check }) => check))

  assertEqual(checks, new Set(["record", "open-record", "row-digest", "unlock", ...OF_AGENTS]))
}

export async function aMasterKeyThatAnAgentLockedIsNotRead() {
  const [{ locked, passphrase }] = await casesOf("store-at-rest", "unlock-argon2id")

  await assertFails(Malformed, () => unlockMasterKey(fromHex(locked), passphrase))
}

export async function aNewLockCostsWhatThePageSays() {
  const locked = await lockMasterKey(new Uint8Array(32), "gulbė")

  assertEqual(toHex(locked.slice(0, SALT_AT)), "0102000f4240")
  assertEqual(await unlockMasterKey(locked, "gulbė"), new Uint8Array(32))
}

export async function anEmptyPassphraseAndOtherCostsAreRefused() {
  const master = new Uint8Array(32)

  await assertFails(WrongPassphrase, () => lockMasterKey(master, ""))
  for (const rounds of [599_999, 10_000_001])
    await assertFails(Malformed, () => lockMasterKey(master, "gulbė", { rounds }))
}

export async function keysOfAStoreAreShownToNobody() {
  const { recordKey, digestKey } = await createStoreKeys()

  for (const key of [recordKey, digestKey])
    for (const form of /** @type {const} */ (["raw", "jwk"]))
      await assertFails(DOMException, () => crypto.subtle.exportKey(form, key))
  assertEqual([recordKey.usages, digestKey.usages], [["encrypt", "decrypt"], ["sign"]])
}

export async function theMasterKeyOfANewStoreIsOverwritten() {
  const drawn = fromHex("07".repeat(32))

  await createStoreKeys(() => drawn)

  assertEqual(drawn, new Uint8Array(32))
}

export async function aNewStoreHasKeysOfItsOwn() {
  const [one, other] = [new Sealer(await createStoreKeys(), 1), new Sealer(await createStoreKeys(), 1)]
  const record = await one.seal("messages", ROW, TEXT)

  await assertFails(NotOpened, () => other.open("messages", ROW, record))
  assert(toHex(await one.digest("contacts", TEXT)) !== toHex(await other.digest("contacts", TEXT)))
}

export async function keysThatStoodInADatabaseOpenTheSameRecords() {
  const keys = await createStoreKeys()
  const record = await new Sealer(keys, 1).seal("messages", ROW, TEXT)

  const read = await throughADatabase(keys)

  assertEqual(await new Sealer(read, 1).open("messages", ROW, record), TEXT)
  await assertFails(DOMException, () => crypto.subtle.exportKey("raw", read.recordKey))
}

export async function keysThatAnotherWindowHandsOverOpenTheSameRecords() {
  const keys = await createStoreKeys()
  const record = await new Sealer(keys, 1).seal("messages", ROW, TEXT)
  const [one, other] = [new BroadcastChannel("keys"), new BroadcastChannel("keys")]

  const handed = await new Promise((resolve) => {
    other.onmessage = ({ data }) => resolve(data)
    one.postMessage(keys)
  })

  assertEqual(await new Sealer(handed, 1).open("messages", ROW, record), TEXT)
  await assertFails(DOMException, () => crypto.subtle.exportKey("raw", handed.recordKey))
  one.close()
  other.close()
}

export async function aRowOpensInItsPlaceOnly() {
  const keys = await createStoreKeys()
  const [sealer, newer] = [new Sealer(keys, 1), new Sealer(keys, 2)]
  const record = await sealer.seal("messages", ROW, TEXT)

  assertEqual(await sealer.open("messages", ROW, record), TEXT)
  await assertFails(NotOpened, () => sealer.open("message", ROW, record))
  await assertFails(NotOpened, () => sealer.open("messages", fromHex("02"), record))
  await assertFails(NotOpened, () => newer.open("messages", ROW, record))
  assert(toHex(await sealer.seal("messages", ROW, TEXT)) !== toHex(record))
}

export async function oversizedPlacesAreRefused() {
  const sealer = new Sealer(await createStoreKeys(), 1)

  await assertFails(Malformed, () => sealer.seal("messages", new Uint8Array(65_536), TEXT))
  await assertFails(Malformed, () => sealer.seal("m".repeat(256), ROW, TEXT))
}

/** @template T @param {T} value @returns {Promise<T>} */
async function throughADatabase(value) {
  const opening = indexedDB.open("keys of a store")
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys")
  const database = await done(opening)
  const keys = () => database.transaction("keys", "readwrite").objectStore("keys")
  await done(keys().put(value, 1))
  const read = await done(keys().get(1))
  database.close()
  return read
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
