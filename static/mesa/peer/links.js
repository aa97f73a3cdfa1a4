// All links of this peer: opened by order of the server, reused, dropped. Spec: docs/spec/links.md

import { randomBytes } from "../crypto/primitives.js"
import { equal, toHex } from "../lib/bytes.js"
import { LINK_ID_BYTES } from "../protocol/ids.js"
import { MAX_LINKS, SET_UP_DEADLINE_S } from "../protocol/link.js"
import { LinkEnd } from "./link-end.js"
import { OfferStock } from "./offers.js"
import { TransportFailed } from "./rtc.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/link.js").LinkState} LinkState */
/** @typedef {import("../protocol/parts.js").Order} Order */
/** @typedef {import("./link-end.js").LinkReports} LinkReports */
/** @typedef {import("./rtc.js").MakeTransport} MakeTransport */

const EARLY_ANSWERS = 16
const EARLY_ANSWER_S = SET_UP_DEADLINE_S

/** The links of one peer, by link id, and the stock of offers for the next ones. */
export class Links {
  #reports
  #clock
  #stands
  /** @type {MakeTransport | null} */
  #make = null
  /** @type {Map<string, LinkEnd>} */
  #ends = new Map()
  /** @type {Map<string, {at: number, description: string}>} */
  #early = new Map()
  // An offer has a name of its own until the server gives its link an id.
  stock = new OfferStock(() => this.#newEnd("stock", randomBytes(LINK_ID_BYTES)))

  /** @param {LinkReports} reports @param {import("../lib/timing.js").Clock} clock @param {(link: Bytes) => boolean} [stands] whether a link is held, used or not */
  constructor(reports, clock, stands = () => false) {
    this.#reports = { ...reports, gone: (/** @type {Bytes} */ link) => this.#gone(link, reports.gone) }
    this.#clock = clock
    this.#stands = stands
  }

  /** Takes the transports of a welcome: which ICE servers to ask is the server's word. @param {MakeTransport} make */
  use(make) {
    this.#make = make
  }

  get isReady() {
    return this.#make !== null
  }

  get count() {
    return this.#open().length
  }

  /** Links that are open now, for `hello`. @returns {Bytes[]} */
  openIds() {
    return this.#open()
      .map((end) => end.link)
      .slice(0, MAX_LINKS)
  }

  /** Brings up the link of a hop. @param {Order} order @param {Bytes} [beside] the other link of the same path, which is not ended to make space @returns {boolean} whether there is one, open or on its way */
  follow(order, beside) {
    const known = this.#ends.get(toHex(order.link))
    if (known) {
      known.expect(order.how === "open")
      return true
    }
    if (order.how === "taken") return this.#awaitAnswer(order, beside)
    // Where the browser opens no links there is nothing to answer with.
    if (order.how === "open" || !this.isReady) return false
    this.#makeSpace(beside)
    return this.#answerOffer(order)
  }

  /** Uses the answer to an offer of ours; it may come before the order that says so. @param {Bytes} link @param {string} description */
  answer(link, description) {
    const end = this.#ends.get(toHex(link))
    if (end) return end.acceptAnswer(description)
    const at = this.#clock.now()
    for (const [key, early] of this.#early) if (at - early.at >= EARLY_ANSWER_S) this.#early.delete(key)
    if (this.#early.size < EARLY_ANSWERS) this.#early.set(toHex(link), { at, description })
  }

  /** Sends a frame of one's own. @param {Bytes} link @param {Bytes} frame @returns {boolean} whether the link took it, since it can be sent later */
  send(link, frame) {
    return this.passOn(link, frame) === "sent"
  }

  /** Sends a frame; a full queue drops it. @param {Bytes} link @param {Bytes} frame @returns {import("./link-end.js").Sent} */
  passOn(link, frame) {
    return this.#ends.get(toHex(link))?.send(frame) ?? "gone"
  }

  /** Keeps a link over which a genuine cell came in. @param {Bytes} link */
  used(link) {
    this.#ends.get(toHex(link))?.used()
  }

  /** Forgets a link on the server's order. @param {Bytes} link */
  drop(link) {
    this.#ends.get(toHex(link))?.drop()
  }

  /** Forgets every link: the server and the neighbours have forgotten this peer. */
  dropAll() {
    for (const end of [...this.#ends.values()]) end.drop()
  }

  /** Ends links that carried no genuine cell for a long time, and those whose other end confirms nothing; once a second. */
  keepHouse() {
    const now = this.#clock.now()
    for (const end of this.#open()) {
      if (end.standsStill() || (now > end.keptUntil && !this.#stands(end.link))) end.close()
    }
  }

  /** Ends all links and offers, so that neighbours learn it at once and not by a timeout. */
  closeAll() {
    this.stock.clear()
    this.dropAll()
  }

  #open() {
    return [...this.#ends.values()].filter((end) => end.state === "open")
  }

  /** @param {Order} order */
  #answerOffer({ link, sdp }) {
    try {
      const end = this.#newEnd("ordered", link)
      this.#ends.set(toHex(link), end)
      end.answerOffer(sdp ?? "")
      return true
    } catch (error) {
      if (!(error instanceof TransportFailed)) throw error
      return false
    }
  }

  /** @param {Order} order @param {Bytes} [beside] */
  #awaitAnswer(order, beside) {
    const offer = "offer" in order ? order.offer : null
    const end = offer && this.stock.take(offer)
    if (!end || end.state !== "stock") return false
    this.#makeSpace(beside)
    const key = toHex(order.link)
    this.#ends.set(key, end)
    end.take(order.link)
    const early = this.#early.get(key)
    this.#early.delete(key)
    if (early) end.acceptAnswer(early.description)
    return true
  }

  /** Ends the link longest without a genuine cell: who only opens links displaces nobody (T-14). @param {Bytes} [spared] */
  #makeSpace(spared) {
    while (this.#ends.size >= MAX_LINKS) {
      const others = [...this.#ends.values()].filter((end) => !(spared && equal(end.link, spared)))
      const held = (/** @type {LinkEnd} */ end) => Number(this.#stands(end.link))
      others.sort((one, other) => held(one) - held(other) || one.keptUntil - other.keptUntil)
      others[0].close()
    }
  }

  /** @param {LinkState} state @param {Bytes} link @throws {TransportFailed} */
  #newEnd(state, link) {
    if (!this.#make) throw new Error("links are used before the first welcome")
    return new LinkEnd(this.#make, this.#reports, this.#clock, state, link)
  }

  /** Offers in stock end too, but are no links yet. @param {Bytes} link @param {(link: Bytes) => void} report */
  #gone(link, report) {
    if (this.#ends.delete(toHex(link))) report(link)
  }
}
