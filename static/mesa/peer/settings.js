// What the user has chosen for this device.

/** @typedef {import("../store/store.js").Store} Store */

const NAMES = /** @type {const} */ (["forward", "relay_only"])

/** Choices that are kept, and what holds without one. */
export class Settings {
  #store
  #isForwarderByDefault
  /** @type {Map<string, boolean>} */
  #chosen = new Map()

  /** @param {Store} store @param {boolean} isForwarderByDefault not on phones and metered connections */
  constructor(store, isForwarderByDefault) {
    this.#store = store
    this.#isForwarderByDefault = isForwarderByDefault
  }

  /** Reads what was chosen before. */
  async load() {
    for (const name of NAMES) {
      const kept = await this.#store.view.setting(name)
      if (kept) this.#chosen.set(name, kept[0] === 1)
    }
  }

  /** Whether this device carries other people's cells. */
  get forwards() {
    return this.#chosen.get("forward") ?? this.#isForwarderByDefault
  }

  /** Whether other peers may see nothing of it but an address at a TURN server; from the next start on. */
  get isTurnOnly() {
    return this.#chosen.get("relay_only") ?? false
  }

  /** @param {string} name @param {boolean} value */
  async set(name, value) {
    await this.#store.transaction((unit) => unit.setSetting(name, new Uint8Array([Number(value)])))
    this.#chosen.set(name, value)
  }
}
