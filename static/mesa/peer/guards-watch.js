// The guards of a running peer: which link is with which of them, and how long each was away.
// Spec: docs/spec/guards.md, section "Device must"

import { toHex } from "../lib/bytes.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./guards-book.js").GuardsBook} GuardsBook */
/** @typedef {import("./guards.js").Guards} Guards */
/** @typedef {"offered" | "away"} LimitCause what needs the user's word: the server names one guard more, or too few are there */

// What a crash may forget of the time that a guard was away.
const SAVE_EVERY_S = 60
const TELL_EVERY_S = 86_400

/** What a peer knows of its guards while it runs. */
export class GuardsWatch {
  #book
  #clock
  #report
  /** @type {Map<string, number>} by name */
  #awayS = new Map()
  /** @type {Map<string, Bytes>} link by name */
  #links = new Map()
  /** @type {Set<string>} */
  #open = new Set()
  /** @type {number | null} */
  #countedAt = null
  #savedAt
  /** @type {Map<LimitCause, number>} */
  #toldAt = new Map()

  /** @param {GuardsBook} book @param {import("../lib/timing.js").Clock} clock @param {(event: object) => void} report */
  constructor(book, clock, report) {
    this.#book = book
    this.#clock = clock
    this.#report = report
    this.#savedAt = clock.now()
  }

  /** Takes up what an earlier run counted. */
  async resume() {
    for (const { name, awayS } of (await this.#book.all()).kept) this.#awayS.set(toHex(name), awayS)
  }

  /** The tickets to show to the server. @returns {Promise<Bytes[]>} */
  tickets() {
    return this.#book.tickets()
  }

  /** Tells whether a link is with a guard, and so is held whether it is used or not. @param {Bytes} link */
  stands(link) {
    return [...this.#links.values()].some((held) => toHex(held) === toHex(link))
  }

  /** Keeps a ticket. @param {Bytes} ticket @returns {Promise<Bytes | null>} the name of its guard; without one, what came with it is not to be done */
  async take(ticket) {
    const { before, after, guard } = await this.#book.take(ticket)
    if (!guard) {
      // One that was replaced, or no ticket at all, is nothing that a word of the user's could change.
      if (before.isOneTooMany(ticket)) this.#tell("offered", before)
      return null
    }
    const name = toHex(guard.name)
    this.#awayS.set(name, this.#awayS.get(name) ?? 0)
    if (!before.find(guard.name)) {
      this.#report({ event: "guard_taken", guards: after.kept.length, left: after.left })
    }
    return guard.name
  }

  /** Holds this link with a guard; one that was held before is like any other from here on. @param {Bytes} name @param {Bytes} link */
  async hold(name, link) {
    this.#count()
    const before = this.#links.get(toHex(name))
    this.#links.set(toHex(name), link)
    const isNew = !before || toHex(before) !== toHex(link)
    if (isNew && this.#open.has(toHex(link))) await this.#opened(toHex(name), link)
  }

  /** @param {Bytes} link */
  async linkUp(link) {
    this.#count()
    this.#open.add(toHex(link))
    for (const name of this.#with(link)) await this.#opened(name, link)
  }

  /** @param {Bytes} link */
  linkGone(link) {
    this.#count()
    this.#open.delete(toHex(link))
    for (const name of this.#with(link)) this.#links.delete(name)
  }

  /** Time counts only while this device itself is online. @param {boolean} isOnline */
  online(isOnline) {
    this.#count()
    this.#countedAt = isOnline ? this.#clock.now() : null
  }

  /** Keeps from time to time what was counted, and says so if no guard may come where one is wanted. */
  async tick() {
    if (this.#clock.now() - this.#savedAt < SAVE_EVERY_S) return
    const guards = await this.save()
    if (guards.needsWord) this.#tell("away", guards)
  }

  /** Keeps what was counted, and lets go of guards whose time is over. @returns {Promise<Guards>} */
  async save() {
    this.#count()
    this.#savedAt = this.#clock.now()
    const counted = new Map(this.#awayS)
    const guards = await this.#book.wereAway((name) => whole(counted.get(toHex(name))))
    // What came meanwhile is counted since, and is kept.
    for (const name of counted.keys()) {
      if (guards.kept.some((guard) => toHex(guard.name) === name)) continue
      this.#awayS.delete(name)
      this.#links.delete(name)
    }
    return guards
  }

  #count() {
    if (this.#countedAt === null) return
    const now = this.#clock.now()
    for (const [name, awayS] of this.#awayS) {
      const link = this.#links.get(name)
      if (!link || !this.#open.has(toHex(link))) this.#awayS.set(name, awayS + now - this.#countedAt)
    }
    this.#countedAt = now
  }

  /** @param {Bytes} link @returns {string[]} names of the guards that it is held with */
  #with(link) {
    return [...this.#links].filter(([, held]) => toHex(held) === toHex(link)).map(([name]) => name)
  }

  /** @param {string} name @param {Bytes} link */
  async #opened(name, link) {
    // At once: the tickets that are shown depend on it.
    this.#awayS.set(name, 0)
    await this.#book.wereAway((each) => (toHex(each) === name ? 0 : undefined))
    this.#report({ event: "guard_link", link })
  }

  /** @param {LimitCause} cause @param {Guards} guards */
  #tell(cause, { limit }) {
    const now = this.#clock.now()
    if (now - (this.#toldAt.get(cause) ?? -TELL_EVERY_S) < TELL_EVERY_S) return
    this.#toldAt.set(cause, now)
    this.#report({ event: "guards_limit", limit, cause })
  }
}

/** @param {number | undefined} seconds */
function whole(seconds) {
  return seconds === undefined ? undefined : Math.floor(seconds)
}
