// Lets messages that were held be shown, in slices: whoever sends much that waits stops nobody else (T-14).
// Spec: docs/spec/agent.md, section "Order of messages"

import { toHex } from "../lib/bytes.js"
import * as held from "../store/held.js"
import * as history from "../store/history.js"

/** @typedef {import("../store/history.js").Entry} Entry */
/** @typedef {import("../store/history.js").Stored} Stored */
/** @typedef {import("../store/store.js").Unit} Unit */

// As long as a post waits in a mailbox: a sender that still has the message has sent it again long before.
export const HOLD_MS = 14 * 86_400_000
const RELEASED_AT_ONCE = 64
const FOLLOWERS_AT_ONCE = 512

/** What waits no longer, of each contact in its sender's order. */
export class Releasing {
  #clock
  // Who is waited for no longer, though not all came. After a crash they are found again by `look`.
  /** @type {Map<number, Stored[]>} */
  #givenUp = new Map()

  /** @param {import("../lib/timing.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock
  }

  /** Numbers of the contacts of whom something is to be released. @param {Unit} unit @returns {Promise<number[]>} */
  async pending(unit) {
    return [...new Set([...(await held.contactsWithFollowers(unit)), ...this.#givenUp.keys()])]
  }

  /** Gives up waiting: for all before a message that is overdue, and for the first half of too many. @param {Unit} unit @param {number} contact */
  async look(unit, contact) {
    if (this.#givenUp.has(contact)) return
    const isOverfull = await held.isOverfull(unit, contact)
    // Numbers rise as messages come, so the first is the oldest: a gap that is filled is held no more.
    const [oldest] = await history.inState(unit, "held", contact, 1)
    if (!oldest || !(isOverfull || this.#isOverdue(oldest))) return
    const waiting = (await history.inState(unit, "held", contact)).sort(bySender)
    const overdue = waiting.findLastIndex((each) => this.#isOverdue(each)) + 1
    // Half of them: to find the first, all were opened, and that must not come with every message.
    const surplus = isOverfull ? Math.ceil(waiting.length / 2) : 0
    this.#givenUp.set(contact, waiting.slice(0, Math.max(surplus, overdue)))
  }

  /** Makes a slice ready; `pending` tells whether there is more. @param {Unit} unit @param {number} contact @returns {Promise<Entry[]>} */
  async release(unit, contact) {
    /** @type {Entry[]} */
    const released = []
    /** @type {Stored[]} */
    const free = []
    let rows = FOLLOWERS_AT_ONCE
    while (rows > 0 && released.length < RELEASED_AT_ONCE) {
      rows -= await collect(unit, contact, free, rows)
      const following = await this.#next(unit, contact, free)
      if (following.length === 0) break
      released.push(...following)
    }
    for (const stored of free) released.push(await letGo(unit, stored))
    if (!this.#givenUp.get(contact)?.length) this.#givenUp.delete(contact)
    return released
  }

  /** Forgets whom nobody waits for: what `release` did was not committed. `look` finds them again. @param {number} contact */
  forget(contact) {
    this.#givenUp.delete(contact)
  }

  /** Lets the next one go, in order, with the gaps before it. @param {Unit} unit @param {number} contact @param {Stored[]} free @returns {Promise<Entry[]>} none: there is none */
  async #next(unit, contact, free) {
    const givenUp = this.#givenUp.get(contact) ?? []
    while (givenUp.length > 0 && !(free.length > 0 && bySender(free[0], givenUp[0]) <= 0)) {
      const { number } = /** @type {Stored} */ (givenUp.shift())
      if (await history.isIn(unit, contact, number, "held")) {
        return giveUp(unit, await history.get(unit, contact, number))
      }
    }
    const first = free.shift()
    return first ? [await letGo(unit, first)] : []
  }

  /** @param {Stored} stored */
  #isOverdue(stored) {
    return stored.receivedMs <= this.#clock.unixMs() - HOLD_MS
  }
}

/** Finds who waits for nothing any more. @param {Unit} unit @param {number} contact @param {Stored[]} free @param {number} rows @returns {Promise<number>} how many were looked at */
async function collect(unit, contact, free, rows) {
  let lookedAt = 0
  while (lookedAt < rows && free.length < RELEASED_AT_ONCE) {
    const followers = await held.takeFollowers(unit, contact, RELEASED_AT_ONCE - free.length)
    if (followers === null) break
    lookedAt += 1 + followers.length
    for (const number of followers) {
      const isWaiting = (await held.awaitedBy(unit, contact, number)).length > 0
      if (!isWaiting) free.push(await history.get(unit, contact, number))
    }
  }
  free.sort(bySender)
  return lookedAt
}

/** @param {Unit} unit @param {Stored} stored @returns {Promise<Entry[]>} */
async function giveUp(unit, stored) {
  /** @type {Entry[]} */
  const entries = []
  for (const message of await held.awaitedBy(unit, stored.contact, stored.number)) {
    const gap = await history.leaveGap(unit, stored.contact, message)
    if (gap) {
      entries.push(gap)
      await held.came(unit, stored.contact, message)
    }
  }
  return [...entries, await letGo(unit, stored)]
}

/** @param {Unit} unit @param {Stored} stored @returns {Promise<Stored>} */
async function letGo(unit, stored) {
  await held.release(unit, stored.contact, stored.number)
  await history.cameIn(unit, stored)
  return history.mark(unit, stored, "ready")
}

/** In the order their sender gave them. @param {Stored} one @param {Stored} other */
function bySender(one, other) {
  if (one.message.sentMs !== other.message.sentMs) return one.message.sentMs < other.message.sentMs ? -1 : 1
  return toHex(one.message.messageId) < toHex(other.message.messageId) ? -1 : 1
}
