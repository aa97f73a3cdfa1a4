// Who a user is: device keys, and what a chain of statements says. Spec: docs/spec/identity.md

import { concat, equal } from "../lib/bytes.js"
import { asUuid4 } from "../lib/uuid.js"
import { Reader, VERSION, exactly, u8 } from "./encoding.js"
import { Malformed, UnknownDevice, UnsupportedSuite } from "./errors.js"
import { Ed25519Private, Ed25519Public, X25519Private, X25519Public } from "./keys.js"
import { KEY_BYTES, randomBytes } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {Bytes} DeviceId 16 bytes, a UUIDv4 */
/** @typedef {1 | 2} SuiteNumber */

export const ID_BYTES = 16
export const ENTRY_BYTES = 81
export const CHALLENGE_BYTES = 32

/** What a device can agree keys with. Entries of one device only ever rise (towards 1). */
export const Suite = Object.freeze({ HYBRID: /** @type {const} */ (1), CLASSICAL: /** @type {const} */ (2) })

/** What two devices agree keys with: the better one, if both have it. @param {SuiteNumber} one @param {SuiteNumber} other */
export function suiteOfBoth(one, other) {
  return one > other ? one : other
}

/**
 * Reads a suite's number.
 *
 * @param {Reader} reader
 * @returns {SuiteNumber}
 * @throws {UnsupportedSuite} one that this code does not have
 */
export function readSuite(reader) {
  const number = reader.u8()
  if (number !== Suite.HYBRID && number !== Suite.CLASSICAL) throw new UnsupportedSuite()
  return number
}

/**
 * A device as its user's identity names it.
 *
 *     0   16   device id, a UUIDv4
 *     16  32   Ed25519 public key
 *     48  32   X25519 public key
 *     80   1   suite
 */
export class DeviceEntry {
  /** @param {DeviceId} deviceId @param {Ed25519Public} signing @param {X25519Public} agreement @param {SuiteNumber} suite */
  constructor(deviceId, signing, agreement, suite) {
    this.deviceId = deviceId
    this.signing = signing
    this.agreement = agreement
    this.suite = suite
  }

  pack() {
    return concat(this.deviceId, this.signing.raw, this.agreement.raw, u8(this.suite))
  }

  /** @param {Reader} reader */
  static read(reader) {
    const deviceId = reader.take(ID_BYTES)
    if (deviceId[6] >> 4 !== 4 || deviceId[8] >> 6 !== 2) throw new Malformed()
    const [signing, agreement] = [reader.take(KEY_BYTES), reader.take(KEY_BYTES)]
    const suite = readSuite(reader)
    return new DeviceEntry(deviceId, new Ed25519Public(signing), new X25519Public(agreement), suite)
  }

  /** The same device with another suite. @param {SuiteNumber} suite */
  withSuite(suite) {
    return new DeviceEntry(this.deviceId, this.signing, this.agreement, suite)
  }
}

/**
 * The long-term keys of this device. They are made here and never leave it.
 *
 * What `pack` writes is for the encrypted local store only; the suite is no part of it:
 *
 *     0    1   version, 1
 *     1   16   device id
 *     17  32   Ed25519 seed
 *     49  32   X25519 private key
 */
export class DeviceKeys {
  /**
   * @param {DeviceId} deviceId
   * @param {Ed25519Private} signing
   * @param {X25519Private} agreement
   * @param {SuiteNumber} suite what its identity says of it
   */
  constructor(deviceId, signing, agreement, suite = Suite.HYBRID) {
    this.deviceId = deviceId
    this.signing = signing
    this.agreement = agreement
    this.suite = suite
  }

  async entry() {
    const keys = await Promise.all([this.signing.public(), this.agreement.public()])
    return new DeviceEntry(this.deviceId, ...keys, this.suite)
  }

  /** Signs the server's login challenge. @param {Bytes} challenge */
  proveLogin(challenge) {
    return this.signing.sign("login", concat(this.deviceId, exactly(challenge, CHALLENGE_BYTES)))
  }

  pack() {
    return concat(u8(VERSION), this.deviceId, this.signing.raw, this.agreement.raw)
  }

  /**
   * Reads keys back from the store.
   *
   * @param {Bytes} raw
   * @param {SuiteNumber} [suite]
   * @throws {CryptoError} UnknownVersion, Malformed
   */
  static unpack(raw, suite) {
    const reader = new Reader(raw)
    reader.version()
    const deviceId = reader.take(ID_BYTES)
    const signing = new Ed25519Private(reader.take(KEY_BYTES))
    const agreement = new X25519Private(reader.take(KEY_BYTES))
    reader.finish()
    return new DeviceKeys(deviceId, signing, agreement, suite)
  }
}

/** Makes the keys and the id (a UUIDv4) of a new device. @param {SuiteNumber} suite */
export function createDevice(suite, rng = randomBytes) {
  const deviceId = asUuid4(rng(ID_BYTES))
  return new DeviceKeys(deviceId, Ed25519Private.generate(rng), X25519Private.generate(rng), suite)
}

/**
 * What a verified chain says about a user.
 *
 * @typedef {{
 *   userName: string
 *   fingerprint: Bytes
 *   devices: DeviceEntry[]
 *   recovery: Ed25519Public
 *   head: Bytes
 *   number: number
 *   day: number
 *   statements: Bytes[]
 * }} Identity
 * Made by `verifyChain`, and nowhere else. `fingerprint` is SHA-256 of statement 0 and what contacts pin; `head` is
 * SHA-256 of the last statement, `number` its place and `day` its date. `devices` stand in the order of their naming.
 */

/**
 * Finds a device by id.
 *
 * @param {Identity} identity
 * @param {DeviceId} deviceId
 * @throws {UnknownDevice} the identity does not name it
 */
export function deviceOf(identity, deviceId) {
  const entry = identity.devices.find((each) => equal(each.deviceId, deviceId))
  if (!entry) throw new UnknownDevice()
  return entry
}
