// Which guards this device has, shows, gives up and may take. Pure: time in Unix seconds is passed in.
// Spec: docs/spec/guards.md, section "Device must"

import { equal } from "../lib/bytes.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {"here" | "away" | "given_up" | "replaced"} GuardState `replaced` ones are counted and not shown any more */
/** @typedef {{name: Bytes, ticket: Bytes | null, cameS: number, awayS: number}} Guard awayS: online without an open link to it. No ticket: replaced */

export const GUARDS = 2
export const LIFE_S = 30 * 86_400
export const AWAY_S = 24 * 3_600
export const ALL_AWAY_S = 3_600
export const TAKEN_IN_LIFE = 5
export const SHOWN = 5
const TICKET_VERSION = 1
const TICKET_BYTES = 73
const NAME_END = 9

/** All guards of the last 30 days in the order in which they came, and when the user allowed one more. */
export class Guards {
  /** @param {readonly Guard[]} [known] @param {readonly number[]} [allowedS] */
  constructor(known = [], allowedS = []) {
    this.known = known
    this.allowedS = allowedS
  }

  /** Those whose tickets the device holds. */
  get kept() {
    return this.known.filter((guard) => guard.ticket !== null)
  }

  /** How many different ones it may have had in 30 days. */
  get limit() {
    return TAKEN_IN_LIFE + this.allowedS.length
  }

  /** How many more it may take by itself. */
  get left() {
    return Math.max(0, this.limit - this.known.length)
  }

  /** Whether it may take one more by itself. */
  get mayTake() {
    return this.left > 0
  }

  /** Whether it would look for another guard, and may not without the user's word. */
  get needsWord() {
    return !this.mayTake && this.#living().length < GUARDS
  }

  /** The tickets to show. Fewer than two say that a place is free: never more than one at a time. @returns {Bytes[]} */
  tickets() {
    const living = this.#living()
    let shown = this.kept
    if (living.length < GUARDS && this.mayTake) {
      const nearest = this.kept.toSorted((one, other) => one.awayS - other.awayS)
      shown = living.length > 0 ? living : nearest.slice(0, 1)
    }
    return shown.slice(0, SHOWN).flatMap(({ ticket }) => ticket ?? [])
  }

  /** @param {Guard} guard @returns {GuardState} */
  state({ ticket, awayS }) {
    if (ticket === null) return "replaced"
    if (awayS >= AWAY_S || this.kept.every((each) => each.awayS >= ALL_AWAY_S)) return "given_up"
    return awayS > 0 ? "away" : "here"
  }

  /** @param {Bytes} name */
  find(name) {
    return this.known.find((guard) => equal(guard.name, name))
  }

  /** Forgets what is older than 30 days. What came later than now stays: a clock may start too early. @param {number} nowS */
  at(nowS) {
    return new Guards(
      this.known.filter((each) => nowS - each.cameS < LIFE_S),
      this.allowedS.filter((each) => nowS - each < LIFE_S),
    )
  }

  /** These and a ticket that came; null if it is not one, was replaced, or is one guard too many. @param {Bytes} ticket @param {number} nowS */
  took(ticket, nowS) {
    if (!isTicket(ticket) || this.isOneTooMany(ticket)) return null
    const found = this.find(nameOf(ticket))
    if (found) return found.ticket && this.#with({ ...found, ticket })
    return new Guards([...this.known, { name: nameOf(ticket), ticket, cameS: nowS, awayS: 0 }], this.allowedS)
  }

  /** Tells whether a ticket is for another guard than all of these, and none may be added. @param {Bytes} ticket */
  isOneTooMany(ticket) {
    return isTicket(ticket) && !this.mayTake && !this.find(nameOf(ticket))
  }

  /** These, with the time that each of some was away. @param {(name: Bytes) => number | undefined} awayS */
  wereAway(awayS) {
    return new Guards(
      this.known.map((each) => ({ ...each, awayS: awayS(each.name) ?? each.awayS })),
      this.allowedS,
    )
  }

  /**
   * By the user's word: another may come, in the place of the one that was away longest; one beyond the limit if need
   * be. Of those that were never away the one that came first goes: a guard may hold its link and pass nothing on, and
   * that only the user can know.
   *
   * @param {number} nowS
   */
  oneMore(nowS) {
    const allowed = this.mayTake ? this : new Guards(this.known, [...this.allowedS, nowS])
    const [first, ...others] = this.kept
    if (!first) return allowed
    const longest = others.reduce((one, other) => (other.awayS > one.awayS ? other : one), first)
    return allowed.#with({ ...longest, ticket: null })
  }

  #living() {
    return this.kept.filter((guard) => this.state(guard) !== "given_up")
  }

  /** @param {Guard} changed */
  #with(changed) {
    return new Guards(
      this.known.map((each) => (equal(each.name, changed.name) ? changed : each)),
      this.allowedS,
    )
  }
}

/** Tells whether something has the form of a ticket; what is in it the device can not know. @param {Bytes} raw */
function isTicket(raw) {
  return raw.length === TICKET_BYTES && raw[0] === TICKET_VERSION
}

/** The name of the guard that a ticket is for: the device can read no more of it. @param {Bytes} ticket */
export function nameOf(ticket) {
  return ticket.slice(1, NAME_END)
}
