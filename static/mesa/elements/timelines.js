// How the last message to each contact fared, as this window saw it.

/** @typedef {import("./views.js").MessageView} MessageView */
/** @typedef {Omit<import("./views.js").TimelineView, "contact">} Times */

/** Times of the last messages, by contact. */
export class Timelines {
  #clock
  /** @type {Map<number, Times & {began: number}>} */
  #known = new Map()

  /** @param {import("../lib/timing.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock
  }

  /** Takes a message that changed its state. @param {number} contact @param {MessageView} message */
  note(contact, message) {
    if (!message.outgoing) return
    const { number, state, attempt = 1 } = message
    const known = this.#known.get(contact)
    if (state === "queued" && number >= (known?.number ?? 0)) {
      const nothing = { pathMs: null, firstMs: null, totalMs: null }
      this.#known.set(contact, { number, attempt: 1, began: this.#clock.now(), ...nothing })
    }
    if (known?.number !== number) return
    const ms = (this.#clock.now() - known.began) * 1_000
    // On its way no more, if it was.
    if (state === "waiting") Object.assign(known, { pathMs: null, firstMs: null })
    if (state === "path") Object.assign(known, { attempt, pathMs: ms, firstMs: null })
    if (state === "sent") Object.assign(known, { attempt, pathMs: known.pathMs ?? ms, firstMs: ms })
    if (state === "delivered") {
      Object.assign(known, { pathMs: known.pathMs ?? ms, firstMs: known.firstMs ?? ms, totalMs: ms })
    }
  }

  /** @param {number} contact @returns {Times | undefined} */
  of(contact) {
    return this.#known.get(contact)
  }
}
