// What the user has chosen for this device, as the running peer asks for it.

import * as choices from "./choices.js"

/** @typedef {import("../store/store.js").Store} Store */

/** The choices of one run. */
export class Settings {
  #store
  #isForwarderByDefault
  /** Whether this device carries other people's cells. */
  forwards = false
  /** Whether other peers may see nothing of it but an address at a TURN server; from the next start on. */
  isTurnOnly = false

  /** @param {Store} store @param {boolean} isForwarderByDefault not on phones and metered connections */
  constructor(store, isForwarderByDefault) {
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

  /** @param {boolean} wanted */
  setTurnOnly(wanted) {
    return this.#store.transaction((unit) => choices.chooseTurnOnly(unit, wanted))
  }
}
