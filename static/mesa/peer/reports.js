// What the user is told of the messages to one contact.
// Spec: docs/spec/agent.md, section "Events"

const MAX_TOLD_FALSE = 64

/** The events of one courier. */
export class Reports {
  #to
  #report
  /** @type {Set<string>} */
  #toldFalse = new Set()

  /** @param {string} to the contact's user name @param {(event: object) => void} report */
  constructor(to, report) {
    this.#to = to
    this.#report = report
  }

  /** How far a message is. @param {import("./flight.js").Tell} step @param {import("../lib/bytes.js").Bytes[]} hops of its path, if it is on one */
  progress({ number, state, attempt, waitsFor, forwarders }, hops) {
    const where = { number, to: this.#to, state, attempt, hops }
    this.#report({ event: "message_progress", ...where, waits_for: waitsFor, forwarders })
  }

  /** A message is on the disk, and nothing carries it yet. @param {number} number */
  written(number) {
    this.progress({ kind: "tell", number, state: "queued", attempt: 0, waitsFor: null, forwarders: null }, [])
  }

  /** Says once what was claimed falsely; a liar must not fill the screen. @param {string} what @param {number | null} number */
  falseClaim(what, number) {
    const name = `${what} ${number}`
    if (this.#toldFalse.has(name) || this.#toldFalse.size >= MAX_TOLD_FALSE) return
    this.#toldFalse.add(name)
    this.#report({ event: "false_claim", what, to: this.#to, number })
  }
}
