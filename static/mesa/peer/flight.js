// Which cells of which messages are on their way over a path, and how long they may take. Pure.
// Spec: docs/spec/cells.md, section "Sender must", and docs/spec/outbox.md

import { FIRST_WINDOW, WINDOW } from "../protocol/cells.js"

const RECEIPT_S = 10
// The server times the first message of an attempt; this side steps in when its word is lost.
const FIRST_RECEIPT_S = 11

/**
 * What is reported of a message; `forwarders` of three are there while it waits for them.
 *
 * @typedef {object} Tell
 * @property {"tell"} kind
 * @property {number} number
 * @property {string} state
 * @property {number} attempt
 * @property {string | null} waitsFor
 * @property {number | null} forwarders
 */

/** @typedef {import("./outbound-step.js").Command} Command */

/** One message: how much of it went out on which attempt, and since when it waits for news. */
class Item {
  /** Counts attempts over all transactions; `attempt` begins anew with each. */
  run = 0
  firstRun = 0
  attempt = 0
  sent = 0
  total = 0
  credited = 0
  newsAt = 0
  isFirst = false
  #told = ""

  /** @param {number} number */
  constructor(number) {
    this.number = number
  }

  /** @param {string} state @param {string | null} waitsFor @param {number | null} forwarders @returns {Tell[]} what is new */
  tell(state, waitsFor = null, forwarders = null) {
    const said = told(this.number, state, this.attempt, waitsFor, forwarders)
    const text = JSON.stringify(said)
    if (text === this.#told) return []
    this.#told = text
    return [said]
  }

  get patienceEndsAt() {
    return this.newsAt + (this.isFirst ? FIRST_RECEIPT_S : RECEIPT_S)
  }
}

/** The messages for one contact, in the order they were written, and how far each is. */
export class Flight {
  /** @type {Map<number, Item>} */
  #items = new Map()
  #attempt = 0
  #run = 0
  // Whether cells of this run are known to have arrived.
  #isProven = false

  get isEmpty() {
    return this.#items.size === 0
  }

  /** Takes a message; it goes after all others. @param {number} number */
  add(number) {
    this.#items.set(number, new Item(number))
  }

  /** @param {number} number */
  has(number) {
    return this.#items.has(number)
  }

  /** Lets a message go. @param {number} number @returns {number | null} the attempt it went over */
  remove(number) {
    const item = this.#items.get(number)
    if (!item) return null
    this.#items.delete(number)
    // One that went over another path before may have its receipt from there.
    this.#isProven ||= this.#run > 0 && item.firstRun === this.#run
    return item.attempt
  }

  /** Does what a command says of all messages. @param {Command} command @returns {Tell[]} */
  follow(command) {
    switch (command.kind) {
      case "begin":
        this.#attempt = command.attempt
        this.#run += 1
        this.#isProven = false
        return []
      case "tellFirst": {
        const [first] = this.#items.keys()
        return first === undefined ? [] : [told(first, command.state, this.#attempt)]
      }
      case "tellAll":
        return [...this.#items.values()].flatMap((item) =>
          item.tell(command.state, command.waitsFor, command.forwarders),
        )
      default:
        this.#items.clear()
        return []
    }
  }

  /** How many cells the window has left: all streams of a path share it. */
  get capacity() {
    const window = this.#isProven ? WINDOW : FIRST_WINDOW
    return this.#flying().reduce((left, item) => left - item.sent + item.credited, window)
  }

  /** The message to send next, and the first of its cells that is still to go. @param {boolean} takesNew */
  nextToSend(takesNew) {
    if (this.capacity <= 0) return null
    for (const { number, run, sent, total } of this.#items.values()) {
      if (run !== this.#run) return takesNew ? { number, first: 0 } : null
      if (sent < total) return { number, first: sent }
    }
    return null
  }

  /**
   * Cells of a message went out, up to but not including `until`.
   *
   * @param {number} number
   * @param {number} until
   * @param {number} total
   * @param {number} now
   */
  sent(number, until, total, now) {
    const item = /** @type {Item} */ (this.#items.get(number))
    if (item.run !== this.#run) {
      item.isFirst = this.#flying().length === 0
      item.run = this.#run
      item.attempt = this.#attempt
      item.credited = 0
      item.firstRun ||= this.#run
    }
    Object.assign(item, { sent: until, total, newsAt: now })
    return until === total ? item.tell("sent") : []
  }

  /** Cells up to an index have arrived. @param {number} number @param {number} index @param {number} now @returns {boolean} whether that is news */
  credited(number, index, now) {
    const item = this.#items.get(number)
    if (!item || item.run !== this.#run || index < item.credited || index >= item.sent) return false
    Object.assign(item, { credited: index + 1, newsAt: now })
    this.#isProven = true
    return true
  }

  /** When the first message on its way will have waited too long for a receipt. */
  get overdueAt() {
    const ends = this.#flying().map((item) => item.patienceEndsAt)
    return ends.length > 0 ? Math.min(...ends) : null
  }

  /** Messages with a cell on its way. Those of the present run come first, however many wait behind. */
  #flying() {
    const flying = []
    for (const item of this.#items.values()) {
      if (item.run !== this.#run) break
      if (item.sent > item.credited) flying.push(item)
    }
    return flying
  }
}

/**
 * @param {number} number
 * @param {string} state
 * @param {number} attempt
 * @param {string | null} [waitsFor]
 * @param {number | null} [forwarders]
 * @returns {Tell}
 */
export function told(number, state, attempt, waitsFor = null, forwarders = null) {
  return { kind: "tell", number, state, attempt, waitsFor, forwarders }
}
