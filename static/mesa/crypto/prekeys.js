// Keys that a device leaves with the server, so that others can begin a session while it is away.
// Spec: docs/spec/prekeys.md

import { concat } from "../lib/bytes.js"
import { Reader, VERSION, u32, u8 } from "./encoding.js"
import { Downgrade, Malformed, NotValidNow } from "./errors.js"
import { Suite } from "./identity.js"
import {
  KEM_PUBLIC_BYTES,
  KemPrivate,
  KemPublic,
  SIGNATURE_BYTES,
  X25519Private,
  X25519Public,
} from "./keys.js"
import { KEY_BYTES, randomBytes } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("./identity.js").DeviceKeys} DeviceKeys */
/** @typedef {1 | 2 | 3 | 4} Kind */
/** @typedef {number} PrekeyId */

export const NO_PREKEY = 0
export const MAX_PREKEY_ID = 2 ** 32 - 1
const MAX_AGE_DAYS = 90
const CLOCK_SKEW_DAYS = 1

/** What a prekey is for. */
export const PrekeyKind = Object.freeze({
  SIGNED: /** @type {const} */ (1),
  LAST_RESORT_KEM: /** @type {const} */ (2),
  ONE_TIME_KEM: /** @type {const} */ (3),
  ONE_TIME: /** @type {const} */ (4),
})

/** @param {Kind} kind */
const isKem = (kind) => kind === PrekeyKind.LAST_RESORT_KEM || kind === PrekeyKind.ONE_TIME_KEM
/** @param {Kind} kind */
const isSigned = (kind) => kind !== PrekeyKind.ONE_TIME

/**
 * The public half of a prekey, as it is uploaded and handed out.
 *
 *     0      1   version, 1
 *     1      1   kind
 *     2      4   prekey id, 1 to MAX_PREKEY_ID
 *     6      4   day of creation; absent in a one-time X25519 prekey
 *     6/10   …   public key: 32 bytes X25519, 1184 bytes ML-KEM-768
 *     …     64   signature of the device; absent in a one-time X25519 prekey
 */
export class Prekey {
  /** @param {{kind: Kind, prekeyId: PrekeyId, day: number, key: X25519Public | KemPublic}} what @param {Bytes} signature */
  constructor({ kind, prekeyId, day, key }, signature) {
    this.kind = kind
    this.prekeyId = prekeyId
    this.day = day
    this.key = key
    this.signature = signature
  }

  pack() {
    return concat(this.#signedPart, this.signature)
  }

  /**
   * Parses one public prekey; its signature is not looked at.
   *
   * @param {Bytes} raw
   * @throws {CryptoError} UnknownVersion, Malformed, WeakKey
   */
  static unpack(raw) {
    const reader = new Reader(raw)
    const { kind, prekeyId } = readHead(reader)
    const day = isSigned(kind) ? reader.u32() : 0
    const key = reader.take(isKem(kind) ? KEM_PUBLIC_BYTES : KEY_BYTES)
    const signature = reader.take(isSigned(kind) ? SIGNATURE_BYTES : 0)
    reader.finish()
    const typed = isKem(kind) ? new KemPublic(key) : new X25519Public(key)
    return new Prekey({ kind, prekeyId, day, key: typed }, signature)
  }

  /**
   * Checks that the device made this key, and not too long ago.
   *
   * @param {DeviceEntry} entry
   * @param {number} today
   * @throws {CryptoError} BadSignature: by another device, or changed. NotValidNow: older than MAX_AGE_DAYS, or from
   *   a day to come
   */
  async verify(entry, today) {
    await entry.signing.verify("prekey", concat(entry.deviceId, this.#signedPart), this.signature)
    const age = today - this.day
    if (age < -CLOCK_SKEW_DAYS || age > MAX_AGE_DAYS) throw new NotValidNow()
  }

  /** The same prekey with the signature of its device, unless it is a kind that has none. @param {DeviceKeys} device */
  async signedBy(device) {
    if (!isSigned(this.kind)) return this
    const signature = await device.signing.sign("prekey", concat(device.deviceId, this.#signedPart))
    return new Prekey(this, signature)
  }

  get #signedPart() {
    const day = isSigned(this.kind) ? u32(this.day) : new Uint8Array()
    return concat(u8(VERSION), u8(this.kind), u32(this.prekeyId), day, this.key.raw)
  }
}

/** @param {Reader} reader */
function readHead(reader) {
  reader.version()
  const [kind, prekeyId] = [reader.u8(), reader.u32()]
  if (kind < PrekeyKind.SIGNED || kind > PrekeyKind.ONE_TIME || prekeyId === NO_PREKEY) throw new Malformed()
  return { kind: /** @type {Kind} */ (kind), prekeyId }
}

/**
 * The private half of a prekey, for the encrypted local store only.
 *
 *     0    1   version, 1
 *     1    1   kind
 *     2    4   prekey id
 *     6    4   day of creation
 *     10   …   32 bytes X25519 private key, or 64 bytes ML-KEM-768 seed
 */
export class PrivatePrekey {
  /** @param {{kind: Kind, prekeyId: PrekeyId, day: number, key: X25519Private | KemPrivate}} what */
  constructor({ kind, prekeyId, day, key }) {
    this.kind = kind
    this.prekeyId = prekeyId
    this.day = day
    this.key = key
  }

  pack() {
    return concat(u8(VERSION), u8(this.kind), u32(this.prekeyId), u32(this.day), this.key.raw)
  }

  /**
   * Reads a private prekey back from the store.
   *
   * @param {Bytes} raw
   * @throws {CryptoError} UnknownVersion, Malformed
   */
  static unpack(raw) {
    const reader = new Reader(raw)
    const { kind, prekeyId } = readHead(reader)
    const day = reader.u32()
    const key = isKem(kind) ? new KemPrivate(reader.rest()) : new X25519Private(reader.rest())
    return new PrivatePrekey({ kind, prekeyId, day, key })
  }

  /** Makes the public half; signed, unless it is a one-time X25519 prekey. @param {DeviceKeys} device */
  async public(device) {
    const { kind, prekeyId, day } = this
    return new Prekey({ kind, prekeyId, day, key: await this.key.public() }, new Uint8Array()).signedBy(
      device,
    )
  }
}

/**
 * Makes one prekey; ids of a device rise by random steps and are never used again.
 *
 * @param {Kind} kind
 * @param {PrekeyId} prekeyId
 * @param {number} day
 * @throws {Malformed} an id out of range
 */
export function createPrekey(kind, prekeyId, day, rng = randomBytes) {
  if (!(prekeyId >= 1 && prekeyId <= MAX_PREKEY_ID)) throw new Malformed()
  const key = isKem(kind) ? KemPrivate.generate(rng) : X25519Private.generate(rng)
  return new PrivatePrekey({ kind, prekeyId, day, key })
}

/**
 * The verified prekeys of one device, good for beginning one session; made by `verifyBundle` only.
 *
 * @typedef {{
 *   device: DeviceEntry
 *   signedId: PrekeyId
 *   signedKey: X25519Public
 *   kem: {kind: Kind, prekeyId: PrekeyId, key: KemPublic} | null
 *   oneTimeId: PrekeyId
 *   oneTimeKey: X25519Public | null
 * }} Bundle
 * kem: null for a device of suite 2, and for none else.
 */

/**
 * Checks what the server handed out for a device of a verified identity.
 *
 * @param {DeviceEntry} device
 * @param {{signed: Bytes, kem: Bytes | null, oneTime: Bytes | null}} handed
 * @param {number} today
 * @returns {Promise<Bundle>}
 * @throws {CryptoError} Downgrade: no ML-KEM key, although the device's signed entry offers one. BadSignature,
 *   NotValidNow, Malformed, UnknownVersion, WeakKey
 */
export async function verifyBundle(device, handed, today) {
  const signed = Prekey.unpack(handed.signed)
  if (signed.kind !== PrekeyKind.SIGNED || !(signed.key instanceof X25519Public)) throw new Malformed()
  await signed.verify(device, today)
  const kem = await verifiedKem(device, handed.kem, today)
  const [signedId, signedKey] = [signed.prekeyId, signed.key]
  return { device, signedId, signedKey, kem, ...readOneTime(handed.oneTime) }
}

/** @param {DeviceEntry} device @param {Bytes | null} handed @param {number} today @returns {Promise<Bundle["kem"]>} */
async function verifiedKem(device, handed, today) {
  // Its keys may be there already while its identity is about to rise.
  if (device.suite === Suite.CLASSICAL) return null
  if (handed === null) throw new Downgrade()
  const prekey = Prekey.unpack(handed)
  const { kind, prekeyId, key } = prekey
  if (!(key instanceof KemPublic)) throw new Malformed()
  await prekey.verify(device, today)
  return { kind, prekeyId, key }
}

/** @param {Bytes | null} handed @returns {Pick<Bundle, "oneTimeId" | "oneTimeKey">} */
function readOneTime(handed) {
  if (handed === null) return { oneTimeId: NO_PREKEY, oneTimeKey: null }
  const { kind, prekeyId, key } = Prekey.unpack(handed)
  if (kind !== PrekeyKind.ONE_TIME || !(key instanceof X25519Public)) throw new Malformed()
  return { oneTimeId: prekeyId, oneTimeKey: key }
}
