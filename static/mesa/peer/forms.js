// Sealed forms of messages to one contact, and when to try again what can not be sealed now.
// Spec: docs/spec/outbox.md, section "Sealed forms"

import { CryptoError } from "../crypto/errors.js"
import * as contacts from "../store/contact-book.js"
import { ContactBlocked } from "./errors.js"
import { isOfOneThing } from "./failures.js"
import { equal } from "../lib/bytes.js"
import { isGivenUp, sealAtOnce, sealed } from "./sealer.js"

/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../store/outbox.js").Sealed} Sealed */
/** @typedef {{form: Sealed, device: DeviceEntry}} Fresh what was sealed in the unit that stored its message, and for whom */

/** A link is full, or nothing can be sealed: a moment later it may be otherwise. */
export const RETRY_S = 0.25
const LAST_RETRY_S = 10
// Sealed with their messages, for a path that is open.
const MAX_FRESH = 64

/** What a courier sends. */
export class Forms {
  #contact
  #parts
  /** @type {Map<number, Fresh>} */
  #fresh = new Map()
  #pauseS = RETRY_S
  /** Nothing is tried before; seconds of the clock. */
  pausedUntil = 0

  /** @param {number} contact @param {import("./sealer.js").SealerParts} parts */
  constructor(contact, parts) {
    this.#contact = contact
    this.#parts = parts
  }

  /** Seals a message in the unit that stores it. @param {import("../store/store.js").Unit} unit @param {import("../store/history.js").Stored} stored @param {DeviceEntry} device @returns {Promise<Fresh | null>} */
  async sealAtOnce(unit, stored, device) {
    const form = await sealAtOnce(this.#parts, unit, stored, device)
    return form && { form, device }
  }

  /** Has at hand what was sealed so, once it is on the disk. @param {number} number @param {Fresh} fresh */
  keep(number, fresh) {
    if (this.#fresh.size < MAX_FRESH) this.#fresh.set(number, fresh)
  }

  /** @param {number} number */
  delete(number) {
    this.#fresh.delete(number)
  }

  /** Forgets what is at hand: the store decides again. */
  clear() {
    this.#fresh.clear()
  }

  /**
   * The form of a message for a device; `stop`: nothing goes to this contact any more; null: there can be none now.
   *
   * @param {number} number
   * @param {DeviceEntry} device
   * @returns {Promise<Sealed | "stop" | null>}
   * @throws {LoginRefused}
   */
  async get(number, device) {
    const fresh = this.#fresh.get(number)
    if (fresh && equal(fresh.device.deviceId, device.deviceId) && !isGivenUp(fresh.form, this.#parts.clock))
      return fresh.form
    try {
      const { isClosed } = await contacts.get(this.#parts.store.view, this.#contact)
      if (isClosed) return "stop"
      const form = await sealed(this.#parts, this.#contact, number, device)
      this.#pauseS = RETRY_S
      return form
    } catch (error) {
      if (error instanceof ContactBlocked) return "stop"
      if (!(isOfOneThing(error) || error instanceof CryptoError)) throw error
      // Whatever it is, it concerns this contact: the others' messages go on.
      this.pausedUntil = this.#parts.clock.now() + this.#pauseS
      this.#pauseS = Math.min(2 * this.#pauseS, LAST_RETRY_S)
      return null
    }
  }
}
