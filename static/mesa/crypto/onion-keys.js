// The daily key of a device's onion layers, and how others check whose it is.
// Spec: docs/spec/onion.md, section "Onion keys"

import { concat, equal } from "../lib/bytes.js"
import { VERSION, Reader, u32, u8 } from "./encoding.js"
import { NotValidNow, UnknownDevice } from "./errors.js"
import { ID_BYTES } from "./identity.js"
import { SIGNATURE_BYTES, X25519Private, X25519Public } from "./keys.js"
import { KEY_BYTES, randomBytes } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("./identity.js").DeviceKeys} DeviceKeys */
/** @typedef {import("./primitives.js").Rng} Rng */

export const DAY_S = 86_400
const VALID_S = 2 * DAY_S
const CLOCK_SKEW_S = 3_600

/**
 * A device's onion key of one day.
 *
 * Layout (SIGNED_ONION_KEY_BYTES):
 *     0    1   version, 1
 *     1   16   device id
 *     17   4   day
 *     21  32   X25519 public key
 *     53  64   signature of the device
 */
export class SignedOnionKey {
  /** @param {Bytes} deviceId @param {number} day @param {X25519Public} key @param {Bytes} signature */
  constructor(deviceId, day, key, signature) {
    this.deviceId = deviceId
    this.day = day
    this.key = key
    this.signature = signature
  }

  pack() {
    return concat(signedPart(this), this.signature)
  }

  /**
   * Parses; the signature is not looked at.
   *
   * @param {Bytes} raw
   * @throws {UnknownVersion | Malformed | WeakKey}
   */
  static unpack(raw) {
    const reader = new Reader(raw)
    reader.version()
    const [deviceId, day] = [reader.take(ID_BYTES), reader.u32()]
    const [key, signature] = [reader.take(KEY_BYTES), reader.take(SIGNATURE_BYTES)]
    reader.finish()
    return new SignedOnionKey(deviceId, day, new X25519Public(key), signature)
  }

  /**
   * Checks that this is the device's key and valid at a Unix time.
   *
   * @param {DeviceEntry} entry
   * @param {number} nowS
   * @throws {UnknownDevice} names another device
   * @throws {BadSignature} not signed by the device
   * @throws {NotValidNow} before its day or 48 hours after that day began
   */
  async verify(entry, nowS) {
    if (!equal(this.deviceId, entry.deviceId)) throw new UnknownDevice()
    await entry.signing.verify("onion-key", signedPart(this), this.signature)
    const ageS = nowS - this.day * DAY_S
    if (ageS < -CLOCK_SKEW_S || ageS >= VALID_S) throw new NotValidNow()
    return this.key
  }
}

/** @param {{deviceId: Bytes, day: number, key: X25519Public}} said */
function signedPart({ deviceId, day, key }) {
  return concat(u8(VERSION), deviceId, u32(day), key.raw)
}

/** The private onion keys a device holds: of this day and of the one before. Never stored. */
export class OnionKeys {
  /** @param {number} day @param {X25519Private} current @param {X25519Private | null} [previous] */
  constructor(day, current, previous = null) {
    this.day = day
    this.current = current
    this.previous = previous
  }

  /** @param {number} day @param {Rng} [rng] */
  static create(day, rng = randomBytes) {
    return new OnionKeys(day, X25519Private.generate(rng))
  }

  /** Goes on to a later day; the key before the previous one is gone for good. @param {number} day @param {Rng} [rng] */
  rotated(day, rng = randomBytes) {
    if (day <= this.day) return this
    const previous = day === this.day + 1 ? this.current : null
    return new OnionKeys(day, X25519Private.generate(rng), previous)
  }

  /** Signs the public half of the current key for publication. @param {DeviceKeys} device */
  async signed(device) {
    const said = { deviceId: device.deviceId, day: this.day, key: await this.current.public() }
    const signature = await device.signing.sign("onion-key", signedPart(said))
    return new SignedOnionKey(said.deviceId, said.day, said.key, signature)
  }
}
