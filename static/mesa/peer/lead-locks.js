// The Web Locks by which it is decided who leads among the windows of an account.
// Spec: docs/spec/web-app.md, section "Leader window"

import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { aborted } from "../lib/timing.js"

const NAME_BYTES = 16

/** The locks of one account, as one window holds them or stands in line for them. */
export class LeadLocks {
  #lead
  #theft
  #mark

  /** @param {string} database of the account */
  constructor(database) {
    this.#lead = `mesa-peer/${database}`
    this.#theft = `mesa-theft/${database}`
    this.#mark = `mesa-leader/${database}/`
  }

  /** Holds the lead while `act` lasts; rejects as soon as it is taken away. @param {LockOptions} how @param {() => Promise<void> | undefined} act */
  hold(how, act) {
    return navigator.locks.request(this.#lead, how, act)
  }

  /** Names this window among those who lead. @param {AbortSignal} over @param {() => void} began */
  mark(over, began) {
    return navigator.locks.request(`${this.#mark}${randomName()}`, () => {
      began()
      return aborted(over)
    })
  }

  /** Those who lead: more than one, if one was stolen from and does not know yet. */
  async leaders() {
    const { held = [] } = await navigator.locks.query()
    const names = held.map(({ name = "" }) => name).filter((name) => name.startsWith(this.#mark))
    return names.sort().join()
  }

  /** Whether those who led then still do; whoever begins at this moment is not among them yet, so nobody is never the same. @param {string} then */
  async stillLead(then) {
    return then !== "" && (await this.leaders()) === then
  }

  /** Does something while nobody else steals. @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  aloneAmongThieves(act) {
    return navigator.locks.request(this.#theft, act)
  }

  /** Does something in the place of whoever leads, who begins anew when it is done. @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  insteadOfLeader(act) {
    return this.aloneAmongThieves(() => navigator.locks.request(this.#lead, { steal: true }, act))
  }
}

/** A name that nobody had before. */
export function randomName() {
  return toHex(randomBytes(NAME_BYTES))
}
