// The stock of ready offers: made ahead, each good for one answer, renewed before it gets old.
// Spec: docs/spec/links.md, section "Limits and timers"

import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { OFFER_ID_BYTES } from "../protocol/ids.js"
import { MAX_OFFERS } from "../protocol/limits.js"
import { OFFER_STOCK } from "../protocol/link.js"
import { TransportFailed } from "./rtc.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").StockOffer} StockOffer */
/** @typedef {import("./link-end.js").LinkEnd} LinkEnd */

// The server may have handed out an offer in the moment it was renewed.
const RETIRED_S = 10
const MAX_KEPT = 3 * OFFER_STOCK

/** Offers nobody has taken yet, and for a short while those that were replaced. */
export class OfferStock {
  #makeEnd
  /** @type {Map<string, {offer: StockOffer, end: LinkEnd, retiredAt: number | null}>} */
  #ready = new Map()
  /** @type {Set<LinkEnd>} */
  #making = new Set()

  /** @param {() => LinkEnd} makeEnd */
  constructor(makeEnd) {
    this.#makeEnd = makeEnd
  }

  /** What the server may hand out from now on. @returns {StockOffer[]} */
  current() {
    const ready = [...this.#ready.values()]
    return ready
      .filter(({ retiredAt, end }) => retiredAt === null && end.state === "stock")
      .map(({ offer }) => offer)
  }

  /** Gives an offer away for good. @param {Bytes} id @returns {LinkEnd | undefined} none if it was never ours or is gone */
  take(id) {
    const ready = this.#ready.get(toHex(id))
    this.#ready.delete(toHex(id))
    return ready?.end
  }

  /** Adds one offer. @returns {Promise<StockOffer | null>} null when there are enough of them, or this machine can make none at the moment */
  async make() {
    const unused = [...this.#ready.values()].filter(({ retiredAt }) => retiredAt === null)
    if (unused.length + this.#making.size >= MAX_OFFERS) return null
    /** @type {LinkEnd | undefined} */
    let end
    try {
      end = this.#makeEnd()
      this.#making.add(end)
      const offer = { sdp: await end.offer(), id: randomBytes(OFFER_ID_BYTES) }
      // The stock may have been cleared meanwhile.
      if (end.state !== "stock") return null
      this.#ready.set(toHex(offer.id), { offer, end, retiredAt: null })
      return offer
    } catch (error) {
      if (!(error instanceof TransportFailed)) throw error
      end?.drop()
      return null
    } finally {
      if (end) this.#making.delete(end)
    }
  }

  /** Makes offers until the stock is whole; side by side, for a browser takes 125 ms for each. */
  async fill() {
    const missing = Math.max(0, OFFER_STOCK - this.current().length)
    await Promise.all(Array.from({ length: missing }, () => this.make()))
  }

  /** Takes every offer out of the stock; an answer that is on its way can still use it. @param {number} now */
  retire(now) {
    for (const ready of this.#ready.values()) ready.retiredAt ??= now
  }

  /** Closes offers that were retired long enough ago, and the oldest beyond the bound. @param {number} now */
  discardOld(now) {
    let surplus = this.#ready.size - MAX_KEPT
    for (const [key, { end, retiredAt }] of this.#ready) {
      if (retiredAt !== null && (surplus > 0 || now - retiredAt >= RETIRED_S)) {
        this.#ready.delete(key)
        end.drop()
      }
      surplus -= 1
    }
  }

  /** Closes every offer, those that are being made, too. */
  clear() {
    for (const { end } of this.#ready.values()) end.drop()
    for (const end of this.#making) end.drop()
    this.#ready.clear()
  }
}
