// Asks a contact to begin anew when its messages do not open: at most once an hour, by mailbox.
// Spec: docs/spec/messages.md, kind 4

import { Kind, createMessage } from "../crypto/messages.js"
import { pause } from "../lib/timing.js"
import * as contacts from "../store/contact-book.js"
import { fails } from "./failures.js"
import { keepBegun } from "./handshakes.js"
import { reachedBy } from "./posts.js"

/** @typedef {import("./contacts.js").ContactParts} ContactParts */

const BETWEEN_RESETS_MS = 3_600_000
// A reset does not tell when the message came that caused it.
const LEAST_PAUSE_S = 2
const LONGEST_PAUSE_S = 10

/** Session resets that this device sends. */
export class Resets {
  #parts
  #draw
  /** @type {Set<number>} */
  #asking = new Set()

  /** @param {Pick<ContactParts, "store" | "handshakes" | "posts" | "clock">} parts @param {() => number} draw numbers from 0 to 1 */
  constructor(parts, draw) {
    this.#parts = parts
    this.#draw = draw
  }

  /** Asks one contact, unless that was done within the hour; a failure is left for the next occasion. @param {number} number @param {AbortSignal} [signal] */
  async ask(number, signal) {
    const { store, clock } = this.#parts
    if (this.#asking.has(number)) return
    this.#asking.add(number)
    try {
      if (!this.#mayAsk(await contacts.get(store.view, number))) return
      await pause(clock, LEAST_PAUSE_S + this.#draw() * (LONGEST_PAUSE_S - LEAST_PAUSE_S), signal)
      if (!signal?.aborted) await fails(() => this.#ask(number))
    } finally {
      this.#asking.delete(number)
    }
  }

  /** @param {contacts.Contact} contact */
  #mayAsk({ state, isClosed, fields }) {
    const sinceMs = this.#parts.clock.unixMs() - fields.resetAtMs
    return state === "accepted" && !isClosed && sinceMs >= BETWEEN_RESETS_MS
  }

  /** @param {number} number */
  async #ask(number) {
    const { store, handshakes, posts, clock } = this.#parts
    const contact = await contacts.get(store.view, number)
    if (!this.#mayAsk(contact)) return
    const nowMs = clock.unixMs()
    const session = await handshakes.beginWith(contact, contact.devices[0])
    const message = createMessage({ kind: Kind.SESSION_RESET }, { nowMs })
    const [next, envelope] = await session.encrypt(message.pack())
    await store.transaction(async (unit) => {
      // Read again: while the server was asked, the contact may have changed.
      const known = await contacts.get(unit, number)
      if (!this.#mayAsk(known)) return
      await keepBegun(unit, number, next)
      await contacts.change(unit, number, { resetAtMs: nowMs, sessionsFromMs: next.startedMs })
      await posts.add(unit, next.peer, envelope, reachedBy(known))
    })
    await posts.deliver()
  }
}
