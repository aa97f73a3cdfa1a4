// What the user has chosen for this device, as the running peer asks for it.

import * as choices from "./choices.js"
import { Refused } from "./errors.js"

/** @typedef {import("../store/store.js").Store} Store */

/**
 * What is done with a choice about links.
 *
 * @typedef {object} LinkMaker
 * @property {() => boolean} mayHaveTurn whether there may be a TURN server
 * @property {() => void} beginAnew ends everything that was made under the choice before
 */

/** The choices of one run. */
export class Settings {
  #store
  #isForwarderByDefault
  #links
  /** Whether this device carries other people's cells. */
  forwards = false
  /** Whether other peers may see nothing of it but an address at a TURN server. */
  isTurnOnly = false

  /** @param {Store} store @param {boolean} isForwarderByDefault not on phones and metered connections @param {LinkMaker} links */
  constructor(store, isForwarderByDefault, links) {
    this.#links = links
    this.#store = store
    this.#isForwarderByDefault = isForwarderByDefault
  }

  /** Reads what was chosen before. */
  async load() {
    this.forwards = await choices.forwards(this.#store.view, this.#isForwarderByDefault)
    this.isTurnOnly = await choices.isTurnOnly(this.#store.view)
  }

  /** @param {boolean} wanted */
  async setForwards(wanted) {
    await this.#store.transaction((unit) => choices.chooseForwards(unit, wanted))
    this.forwards = wanted
  }

  /** @param {boolean} wanted @throws {Refused} there is no TURN server: nothing would get through */
  async setTurnOnly(wanted) {
    if (wanted && !this.#links.mayHaveTurn()) throw new Refused("no_turn_server")
    await this.#store.transaction((unit) => choices.chooseTurnOnly(unit, wanted))
    this.isTurnOnly = wanted
    this.#links.beginAnew()
  }
}
