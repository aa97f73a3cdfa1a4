// Signed changes of an identity, one by one: their layouts, and how they are written. Whether a statement may stand
// where it stands is for `chain` to say. Spec: docs/spec/identity.md, section "Layout"

import { concat, equal } from "../lib/bytes.js"
import { Reader, VERSION, u32, u8, utf8 } from "./encoding.js"
import { BrokenChain, Malformed, UnknownStatement } from "./errors.js"
import { DeviceEntry, ID_BYTES, readSuite } from "./identity.js"
import { Ed25519Public, SIGNATURE_BYTES } from "./keys.js"
import { KEY_BYTES } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").DeviceId} DeviceId */
/** @typedef {import("./identity.js").DeviceKeys} DeviceKeys */
/** @typedef {import("./identity.js").Identity} Identity */
/** @typedef {import("./identity.js").SuiteNumber} SuiteNumber */
/** @typedef {import("./keys.js").Ed25519Private} Ed25519Private */
/** @typedef {import("./recovery.js").RecoveryKey} RecoveryKey */
/**
 * What a statement changes: the first device, one more, one less, a better suite, another recovery key, or
 * one new device in the place of all that are lost.
 *
 * @typedef {{kind: 0, userName: string, device: DeviceEntry, recovery: Ed25519Public}
 *   | {kind: 1, signer: DeviceId, device: DeviceEntry}
 *   | {kind: 2, signer: DeviceId, deviceId: DeviceId}
 *   | {kind: 3, signer: DeviceId, suite: SuiteNumber}
 *   | {kind: 4, recovery: Ed25519Public}
 *   | {kind: 5, device: DeviceEntry}} Change
 */
/**
 * A statement with its signatures, which nobody has looked at yet.
 *
 * @typedef {{day: number, change: Change, body: Bytes, signatures: Bytes[]}} Statement
 * `body` is what the signatures cover.
 */

export const Kind = Object.freeze({
  FIRST_DEVICE: /** @type {const} */ (0),
  ADD_DEVICE: /** @type {const} */ (1),
  REMOVE_DEVICE: /** @type {const} */ (2),
  RAISE_SUITE: /** @type {const} */ (3),
  NEW_RECOVERY_KEY: /** @type {const} */ (4),
  RECOVER: /** @type {const} */ (5),
})
export const HASH_BYTES = 32
/** In the place of a device id: the recovery key signs. */
export const BY_RECOVERY = new Uint8Array(ID_BYTES)

const MAX_NAME_BYTES = 64
const SIGNER_AT = 42
// By kind.
const SIGNATURES = [2, 2, 1, 1, 2, 2]

/**
 * Takes apart the statement that stands at a place of a chain.
 *
 * @param {Bytes} raw
 * @param {{number: number, previous: Bytes}} place
 * @returns {Statement}
 * @throws {CryptoError} BrokenChain: it belongs at another place, or after another statement. UnknownVersion,
 *   UnknownStatement, UnsupportedSuite: needs a newer version. Malformed, WeakKey
 */
export function readStatement(raw, { number, previous }) {
  const reader = new Reader(raw)
  reader.version()
  const kind = reader.u8()
  if (reader.u32() !== number || !equal(reader.take(HASH_BYTES), previous)) throw new BrokenChain()
  if (!(kind in SIGNATURES)) throw new UnknownStatement()
  if ((kind === Kind.FIRST_DEVICE) !== (number === 0)) throw new BrokenChain()
  const day = reader.u32()
  const change = readChange(kind, reader)
  const body = reader.taken
  const signatures = Array.from({ length: SIGNATURES[kind] }, () => reader.take(SIGNATURE_BYTES))
  reader.finish()
  return { day, change, body, signatures }
}

/** @param {number} kind @param {Reader} reader @returns {Change} */
function readChange(kind, reader) {
  if (kind === Kind.FIRST_DEVICE) {
    const userName = checkedName(reader.take(reader.u8()))
    return { kind, userName, device: DeviceEntry.read(reader), recovery: readSigningKey(reader) }
  }
  const signer = reader.take(ID_BYTES)
  switch (kind) {
    case Kind.ADD_DEVICE:
      return { kind, signer, device: DeviceEntry.read(reader) }
    case Kind.REMOVE_DEVICE:
      return { kind, signer, deviceId: reader.take(ID_BYTES) }
    case Kind.RAISE_SUITE:
      return { kind, signer, suite: readSuite(reader) }
  }
  if (!equal(signer, BY_RECOVERY)) throw new Malformed()
  if (kind === Kind.NEW_RECOVERY_KEY) return { kind, recovery: readSigningKey(reader) }
  return { kind: Kind.RECOVER, device: DeviceEntry.read(reader) }
}

/** @param {Reader} reader */
function readSigningKey(reader) {
  return new Ed25519Public(reader.take(KEY_BYTES))
}

/** @param {Change} change */
function packChange(change) {
  switch (change.kind) {
    case Kind.FIRST_DEVICE: {
      const name = utf8(change.userName)
      return concat(u8(name.length), name, change.device.pack(), change.recovery.raw)
    }
    case Kind.ADD_DEVICE:
      return concat(change.signer, change.device.pack())
    case Kind.REMOVE_DEVICE:
      return concat(change.signer, change.deviceId)
    case Kind.RAISE_SUITE:
      return concat(change.signer, u8(change.suite))
    case Kind.NEW_RECOVERY_KEY:
      return concat(BY_RECOVERY, change.recovery.raw)
    case Kind.RECOVER:
      return concat(BY_RECOVERY, change.device.pack())
  }
}

/** Tells whether the recovery key signed a verified statement in the place of a device. @param {Bytes} statement */
export function isByRecovery(statement) {
  // False for statement 0, which both sign: there the length of a name comes first, and is not 0.
  return equal(statement.subarray(SIGNER_AT, SIGNER_AT + ID_BYTES), BY_RECOVERY)
}

/**
 * Writes and signs statement 0.
 *
 * @param {string} userName case-folded
 * @param {DeviceKeys} device
 * @param {RecoveryKey} recovery
 * @param {number} day since 1970-01-01 UTC
 * @throws {Malformed} a name that no reader accepts
 */
export async function createFirstStatement(userName, device, recovery, day) {
  checkedName(utf8(userName))
  const [entry, key] = await Promise.all([device.entry(), recovery.signing.public()])
  const change = { kind: Kind.FIRST_DEVICE, userName, device: entry, recovery: key }
  const place = { number: 0, previous: new Uint8Array(HASH_BYTES), day }
  return signed(place, change, [device.signing, recovery.signing])
}

/**
 * Writes and signs a statement that follows on a chain.
 *
 * @param {Identity} before
 * @param {Change} change
 * @param {Ed25519Private[]} signers in the order of the layout
 * @param {number} day
 */
export function createNextStatement(before, change, signers, day) {
  const place = { number: before.number + 1, previous: before.head, day: Math.max(day, before.day) }
  return signed(place, change, signers)
}

/** @param {{number: number, previous: Bytes, day: number}} place @param {Change} change @param {Ed25519Private[]} signers */
async function signed({ number, previous, day }, change, signers) {
  const head = concat(u8(VERSION), u8(change.kind), u32(number), previous, u32(day))
  const body = concat(head, packChange(change))
  return concat(body, ...(await Promise.all(signers.map((each) => each.sign("statement", body)))))
}

/** @param {Bytes} name */
function checkedName(name) {
  // No Unicode table is consulted, so that all implementations agree; the server folds at registration.
  const isRefused = name.some((byte) => byte <= 0x20 || byte === 0x7f || (byte >= 0x41 && byte <= 0x5a))
  if (name.length < 1 || name.length > MAX_NAME_BYTES || isRefused) throw new Malformed()
  return new Reader(name).text(name.length)
}
