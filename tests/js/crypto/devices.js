// Devices of people who talk, with keys that no one else has.

import { Suite, createDevice } from "../../../static/mesa/crypto/identity.js"
import { PrekeyKind, createPrekey, verifyBundle } from "../../../static/mesa/crypto/prekeys.js"
import { acceptSession, beginSession } from "../../../static/mesa/crypto/sessions.js"
import { Envelope } from "../../../static/mesa/crypto/envelopes.js"

/** @typedef {import("../../../static/mesa/crypto/identity.js").SuiteNumber} SuiteNumber */
/** @typedef {import("../../../static/mesa/crypto/prekeys.js").PrivatePrekey} PrivatePrekey */
/** @typedef {import("../../../static/mesa/crypto/sessions.js").Session} Session */
/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

export const DAY = 20_780
export const NOW_MS = DAY * 86_400_000

/** A device and the prekeys it left with the server. */
export class Person {
  /** @param {SuiteNumber} [suite] */
  constructor(suite = Suite.HYBRID) {
    const { SIGNED, LAST_RESORT_KEM, ONE_TIME_KEM, ONE_TIME } = PrekeyKind
    this.device = createDevice(suite)
    this.signed = createPrekey(SIGNED, 7, DAY)
    this.lastResort = createPrekey(LAST_RESORT_KEM, 8, DAY)
    this.oneTimeKem = createPrekey(ONE_TIME_KEM, 9, DAY)
    this.oneTime = createPrekey(ONE_TIME, 10, DAY)
    /** @type {PrivatePrekey[]} */
    this.held = [this.signed, this.lastResort, this.oneTimeKem, this.oneTime]
  }

  /** @param {number} kind @param {number} prekeyId */
  find = (kind, prekeyId) => this.held.find((each) => each.kind === kind && each.prekeyId === prekeyId)

  /** What the server hands out, checked; a first contact gets no one-time prekeys. */
  async bundle({ isFirstContact = false } = {}) {
    const packed = async (/** @type {PrivatePrekey} */ prekey) => (await prekey.public(this.device)).pack()
    const handed = {
      signed: await packed(this.signed),
      kem: await packed(isFirstContact ? this.lastResort : this.oneTimeKem),
      oneTime: isFirstContact ? null : await packed(this.oneTime),
    }
    return verifyBundle(await this.device.entry(), handed, DAY)
  }

  /** @param {Bytes} raw */
  accept(raw) {
    return acceptSession(this.device, Envelope.unpack(raw), this.find, { nowMs: NOW_MS })
  }
}

/**
 * Begins a session and says something in it.
 *
 * @param {Person} by
 * @param {Person} to
 * @param {{isFirstContact?: boolean, nowMs?: number}} [how]
 * @returns {Promise<[Session, Bytes]>}
 */
export async function firstEnvelope(by, to, { nowMs = NOW_MS, ...how } = {}) {
  const session = await beginSession(by.device, await to.bundle(how), { nowMs })
  return session.encrypt(new TextEncoder().encode("hello"))
}
