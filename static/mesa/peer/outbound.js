// The transaction that carries the messages for one contact, and the messages beside it. Pure.
// Spec: docs/spec/outbox.md

import { Flight, told } from "./flight.js"
import { FIRST_STATE, dueAt, runningTx, step, wornAt } from "./outbound-step.js"

/** @typedef {import("./outbound-table.js").Event} Event */
/** @typedef {import("./outbound-step.js").Command} Command */
/** @typedef {import("./outbound-step.js").Chance} Chance */

/** @type {Event} */
export const LATER = { kind: "passed" }
const MAKE_NOTHING_DUE = ["passed", "cellsSent", "cellsCredited"]
const OF_FLIGHT = ["begin", "tellFirst", "tellAll", "clear"]

/** The state of the transaction, beside the messages that it carries. */
export class Outbound {
  flight = new Flight()
  state = FIRST_STATE
  #chance

  /** @param {Chance} chance */
  constructor(chance) {
    this.#chance = chance
  }

  /** The transaction that runs now. */
  get tx() {
    return runningTx(this.state)
  }

  /** The transaction and the attempt that have a path; null while there is none. */
  get path() {
    const { phase, tx, attempt } = this.state
    return phase === "open" && tx !== null ? { tx, attempt } : null
  }

  /** Advances by one event, and does what is due by then. @param {Event} event @param {number} now @returns {Command[]} */
  receive(event, now) {
    const ofMessage = this.#ofMessage(event, now)
    if (ofMessage === null) return []
    const steps = [...ofMessage, ...this.#advance(event, now)]
    return MAKE_NOTHING_DUE.includes(event.kind) ? steps : [...steps, ...this.#advance(LATER, now)]
  }

  /** The message to send next, and the first of its cells that is still to go. @param {number} now */
  nextToSend(now) {
    return this.state.phase === "open" ? this.flight.nextToSend(now < wornAt(this.state)) : null
  }

  /** When time alone may change something; null for never. */
  nextAt() {
    return dueAt(this.state, this.flight)
  }

  /** Moves the message that an event is about; null for one that says nothing new of it. @param {Event} event @param {number} now */
  #ofMessage(event, now) {
    switch (event.kind) {
      case "cellsSent":
        return this.flight.sent(event.number, event.until, event.total, now)
      case "cellsCredited":
        return this.flight.credited(event.number, event.index, now) ? [] : null
      case "receipted": {
        const attempt = this.flight.remove(event.number)
        return attempt === null ? null : [told(event.number, "delivered", attempt)]
      }
      case "queued":
        this.flight.add(event.number)
        return [told(event.number, "queued", 0)]
      default:
        return []
    }
  }

  /** @param {Event} event @param {number} now @returns {Command[]} */
  #advance(event, now) {
    const [state, commands] = step(this.state, event, this.flight, this.#chance, now)
    this.state = state
    return commands.flatMap((each) => (OF_FLIGHT.includes(each.kind) ? this.flight.follow(each) : [each]))
  }
}
