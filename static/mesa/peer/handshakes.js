// Begins sessions with devices of other users, from the prekeys the server hands out.
// Spec: docs/spec/prekeys.md and docs/spec/handshake.md

import { CryptoError, Downgrade, NotValidNow, UnknownVersion } from "../crypto/errors.js"
import { verifyBundle } from "../crypto/prekeys.js"
import { beginSession } from "../crypto/sessions.js"
import { equal } from "../lib/bytes.js"
import { dayOf } from "../lib/timing.js"
import { Turns } from "../lib/turns.js"
import * as contacts from "../store/contact-book.js"
import * as sessions from "../store/session-book.js"
import { ContactBlocked, Refused, ServerUnreachable } from "./errors.js"

/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/sessions.js").Session} Session */
/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./api.js").UserBundle} UserBundle */

/**
 * @typedef {object} HandshakeParts
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {import("./api.js").Api} api
 * @property {import("../store/store.js").Store} store
 * @property {import("./pins.js").Pins} pins
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(event: object) => void} report
 */

const RENEW_AGAIN_S = 600
// Why prekeys may be useless although the server gives them as it got them.
const NOBODYS_LIE = [Downgrade, NotValidNow, UnknownVersion]

/** Sessions this device begins. */
export class Handshakes {
  #parts
  #turns = new Turns()
  /** @type {Set<string>} */
  #toldFalse = new Set()
  /** By contact: when to ask again for the prekeys of a renewal that was refused. @type {Map<number, number>} */
  #renewAt = new Map()

  /** @param {HandshakeParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /**
   * Sees that a session to send on is stored: begins one when there is none, and tries to when it is due for renewal.
   *
   * @param {number} number the contact's
   * @param {DeviceEntry} device
   * @param {{isLastingOnly?: boolean, fromMs?: number}} [how] isLastingOnly: begin it without one-time prekeys; their
   *     private halves may be what the device lost. fromMs: one that began before is not good enough
   * @returns {Promise<void>}
   * @throws {ContactBlocked} the server shows another chain for this contact than the pinned one
   * @throws {Refused} the server has no usable prekeys of the device, or the user refuses its suite
   * @throws {ServerUnreachable}
   */
  sessionWith(number, device, { isLastingOnly = false, fromMs = 0 } = {}) {
    return this.#turns.take(async () => {
      const { view } = this.#parts.store
      await requireGood(view, device)
      const contact = await contacts.get(view, number)
      const chosen = await this.#choose(view, contact, device, fromMs)
      if (!chosen) await this.#begun(contact, device, isLastingOnly)
      else if (this.#isDue(number, chosen)) await this.#renew(contact, device)
    })
  }

  /** The session to send on, if that needs no question to the server. @param {Unit} unit @param {Contact} contact @param {DeviceEntry} device @returns {Promise<Session | undefined>} */
  async atHand(unit, contact, device) {
    if (await sessions.refuses(unit, device.suite)) return undefined
    const chosen = await this.#choose(unit, contact, device)
    return chosen && this.#isDue(contact.number, chosen) ? undefined : chosen
  }

  /**
   * Begins a session that is not stored yet; `keepBegun` stores it.
   *
   * @param {Contact} contact
   * @param {DeviceEntry} device
   * @param {{isLastingOnly?: boolean}} [how]
   * @returns {Promise<Session>}
   * @throws {ContactBlocked | Refused | ServerUnreachable} as `sessionWith`; or the device is not the contact's any more
   */
  async beginWith({ number, userName, identity, fields }, device, { isLastingOnly = false } = {}) {
    // One-time prekeys are given out for a delivery token only.
    const token = isLastingOnly ? null : fields.theirToken
    const bundle = await this.#parts.api.claimBundle(userName, token, identity.fingerprint)
    const shown = await this.#parts.pins.serverShows(number, bundle.statements)
    if (!shown.hasDevice(device.deviceId)) throw new Refused("no_device")
    // As it is named today: its suite may have risen.
    return this.begin(bundle, shown.device(device.deviceId))
  }

  /**
   * Begins a session with a device of a verified chain.
   *
   * @param {UserBundle} bundle
   * @param {DeviceEntry} device
   * @returns {Promise<Session>}
   * @throws {Refused} the prekeys in the bundle are missing, or are not this device's, or the user refuses its suite
   */
  async begin(bundle, device) {
    const { own, store, clock } = this.#parts
    await requireGood(store.view, device)
    const offered = bundle.devices.find(
      (each) => equal(each.device, device.deviceId) && each.signedPrekey !== null,
    )
    if (!offered?.signedPrekey) throw new Refused("no_prekeys")
    const { signedPrekey: signed, oneTimeKem, lastResort, oneTime } = offered
    const nowMs = clock.unixMs()
    try {
      const handed = { signed, kem: oneTimeKem ?? lastResort, oneTime }
      return await beginSession(own, await verifyBundle(device, handed, dayOf(nowMs)), { nowMs })
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      if (!NOBODYS_LIE.some((kind) => error instanceof kind)) this.#tellFalse(bundle.userName)
      throw new Refused("bad_prekeys")
    }
  }

  /** @param {Unit} unit @param {Contact} contact @param {DeviceEntry} device @param {number} [fromMs] @returns {Promise<Session | undefined>} */
  async #choose(unit, { number, fields, identity }, device, fromMs = 0) {
    const sessionsFromMs = Math.max(fields.sessionsFromMs, fromMs)
    const wanted = new contacts.Contact(number, { ...fields, sessionsFromMs }, identity)
    const { own, clock } = this.#parts
    const nowMs = clock.unixMs()
    const chosen = await sessions.choose(unit, await own.signing.public(), wanted, device, nowMs)
    if (!chosen?.needsRenewal(nowMs)) return chosen
    // What was begun in its place already comes after it by the common rule, until the peer has answered.
    const later = await this.#choose(unit, wanted, device, chosen.startedMs + 1)
    return later?.needsRenewal(nowMs) ? chosen : (later ?? chosen)
  }

  /** @param {number} number @param {Session} session */
  #isDue(number, session) {
    const { clock } = this.#parts
    return session.needsRenewal(clock.unixMs()) && clock.now() >= (this.#renewAt.get(number) ?? 0)
  }

  /** Begins a session in place of one that is due; if there can be none now, the old one serves. @param {Contact} contact @param {DeviceEntry} device */
  async #renew(contact, device) {
    try {
      await this.#begun(contact, device, false)
    } catch (error) {
      if (!(error instanceof Refused || error instanceof ServerUnreachable)) throw error
      const pauseS = Math.max(RENEW_AGAIN_S, error.retryAfterS ?? 0)
      this.#renewAt.set(contact.number, this.#parts.clock.now() + pauseS)
    }
  }

  /** @param {Contact} contact @param {DeviceEntry} device @param {boolean} isLastingOnly */
  async #begun(contact, device, isLastingOnly) {
    const session = await this.beginWith(contact, device, { isLastingOnly })
    await this.#parts.store.transaction((unit) => keepBegun(unit, contact.number, session))
  }

  /** Tells the user once that prekeys are not what they are said to be. @param {string} userName */
  #tellFalse(userName) {
    if (this.#toldFalse.has(userName)) return
    this.#toldFalse.add(userName)
    this.#parts.report({ event: "false_claim", what: "prekeys", to: userName, number: null })
  }
}

/**
 * Stores a session that was begun: while the server was asked, the user may have decided for other keys.
 *
 * @param {Unit} unit
 * @param {number} number
 * @param {Session} session
 * @returns {Promise<void>}
 * @throws {ContactBlocked | Refused} nothing was stored
 */
export async function keepBegun(unit, number, session) {
  const { fields, devices } = await contacts.get(unit, number)
  if (fields.isUnsafe) throw new ContactBlocked("unsafe")
  const peer = session.peer.pack()
  if (!devices.some((each) => equal(each.pack(), peer))) throw new Refused("no_device")
  await sessions.save(unit, number, session)
}

/** @param {Unit} unit @param {DeviceEntry} device @throws {Refused} it lacks ML-KEM, and the user refuses such devices */
async function requireGood(unit, device) {
  if (await sessions.refuses(unit, device.suite)) throw new Refused("weak_device")
}
