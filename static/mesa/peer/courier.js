// Carries the messages for one contact: does what `Outbound` decides, with real links, frames and time.
// Spec: docs/spec/outbox.md

import { Bell, pause } from "../lib/timing.js"
import { FRAGMENT_BYTES } from "../protocol/cells.js"
import * as contacts from "../store/contact-book.js"
import * as outbox from "../store/outbox.js"
import { Forms, RETRY_S } from "./forms.js"
import { LATER, Outbound } from "./outbound.js"
import { askForPath, findRoute, lookForDevice } from "./paths.js"
import { Reports } from "./reports.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/frames.js").FrameToPeer & {type: "path_ready"}} PathReady */
/** @typedef {import("../store/outbox.js").Sealed} Sealed */
/** @typedef {import("./forms.js").Fresh} Fresh */
/** @typedef {import("./outbound-table.js").Event} Event */
/** @typedef {import("./route.js").Route} Route */

/**
 * What couriers share.
 *
 * @typedef {object} CourierParts
 * @property {import("../store/store.js").Store} store
 * @property {import("./handshakes.js").Handshakes} handshakes
 * @property {import("./pins.js").Pins} pins
 * @property {import("./api.js").Api} api
 * @property {import("../lib/timing.js").Clock} clock
 * @property {{newTx: () => string, jitter: () => number}} chance
 * @property {() => Promise<Bytes[]>} tickets of this device's guards
 * @property {(link: Bytes, frame: Bytes) => boolean} sendCell whether the link exists and took the frame
 * @property {(frame: import("../protocol/frames.js").FrameToServer) => void} sendFrame
 * @property {(event: object) => void} report
 * @property {(error: unknown) => void} fail this peer can not go on
 */

const LONGEST_SLEEP_S = 60

/** The way out to one contact. */
export class Courier {
  #contact
  #parts
  #started
  #outbound
  /** @type {Route | null} */
  #route = null
  #bell = new Bell()
  /** @type {number | null} */
  #retryAt = null
  #forms
  #reports

  /** @param {contacts.Contact} contact @param {CourierParts} parts @param {(tx: string) => void} started */
  constructor(contact, parts, started) {
    this.#contact = contact.number
    this.#parts = parts
    this.#forms = new Forms(contact.number, parts)
    this.#reports = new Reports(contact.userName, parts.report)
    this.#started = started
    this.#outbound = new Outbound(parts.chance)
  }

  /** The transaction that the server is asked for, or has. */
  get tx() {
    return this.#outbound.tx
  }

  /** Sends what may be sent, and wakes up for what is due. @param {AbortSignal} signal */
  async run(signal) {
    try {
      while (!signal.aborted) {
        const rung = this.#bell.rung()
        this.#carryOut(this.#outbound.receive(LATER, this.#now))
        await this.#pump()
        await this.#sleep(rung, signal)
      }
    } catch (error) {
      this.#parts.fail(error)
    }
  }

  /** Does what follows from an event, and looks again at what may be sent. @param {Event} event */
  receive(event) {
    this.#carryOut(this.#outbound.receive(event, this.#now))
    this.#bell.ring()
  }

  /** Seals a message in the unit that stores it, if there is a path for it already. @param {import("../store/store.js").Unit} unit @param {import("../store/history.js").Stored} stored @returns {Promise<Fresh | null>} */
  async sealAtOnce(unit, stored) {
    if (!this.#route || !this.#outbound.path) return null
    return this.#forms.sealAtOnce(unit, stored, this.#route.device)
  }

  /** Carries a message that was just stored. @param {number} number @param {Fresh | null} fresh */
  queue(number, fresh) {
    if (fresh) this.#forms.keep(number, fresh)
    this.takeUp(number)
  }

  /** Carries a message that was stored before, unless it is carried already. @param {number} number */
  takeUp(number) {
    if (!this.#outbound.flight.has(number)) this.receive({ kind: "queued", number })
  }

  /** Compares the transaction with those that the server has. @param {Map<string, {state: string, attempt: number}>} listed */
  snapshot(listed) {
    const found = this.tx === null ? undefined : listed.get(this.tx)
    this.receive(found ? { kind: "listed", ...found } : { kind: "unlisted" })
  }

  /** Takes a path, if the receiver's key on it is the pinned device's. @param {PathReady} frame */
  async pathReady(frame) {
    this.#follow(await findRoute(this.#parts, this.#contact, frame), frame)
  }

  /** Takes receipts that name a transaction to this contact; only genuine ones count. @param {{entries: any[], credit: {stream: Bytes, index: number} | null}} frame */
  async receipts({ entries, credit }) {
    const told = await this.#parts.store.transaction((unit) => outbox.receipted(unit, this.#contact, entries))
    for (const number of told.false) this.#reports.falseClaim("receipt", number)
    for (const number of told.delivered) {
      this.#forms.delete(number)
      this.receive({ kind: "receipted", number })
    }
    const number = credit && this.#route?.messageOf(credit.stream)
    if (credit && number) this.receive({ kind: "cellsCredited", number, index: credit.index })
  }

  /** Goes on with another transaction if one ends whose messages are not all delivered. @param {{tx: string, state: string}} frame */
  ended({ tx, state }) {
    const isCompleted = state === "completed"
    // Only the sender completes a transaction, and this one did not.
    if (isCompleted && tx === this.tx && !this.#outbound.flight.isEmpty) this.#reports.falseClaim("end", null)
    this.receive({ kind: isCompleted ? "completed" : "failed", tx })
  }

  /** Seals again what has no receipt: the contact could not open it. */
  resend() {
    this.#forms.clear()
    const { attempt } = this.#outbound.state
    if (this.tx !== null && attempt) this.#askRepath({ tx: this.tx, attempt })
  }

  /** Sends nothing more: keys do not match, or the user blocked the contact. */
  stop() {
    this.#route = null
    this.#forms.clear()
    this.receive({ kind: "blocked" })
  }

  /** Tells the server that nothing more comes from this run. */
  close() {
    if (this.tx !== null) this.#parts.sendFrame({ type: "complete", tx: this.tx })
  }

  get #now() {
    return this.#parts.clock.now()
  }

  /** @param {Route | "look" | "repath" | "stop"} found @param {PathReady} frame */
  #follow(found, frame) {
    if (found === "stop") return this.stop()
    if (found === "repath") return this.#askRepath(frame)
    if (found !== "look") return this.#takePath(found, frame)
    // Beside the frames that follow: a slow answer about one contact makes no other wait.
    const looking = lookForDevice(this.#parts, this.#contact, frame)
    void looking.then((answer) => this.#follow(answer, frame)).catch(this.#parts.fail)
  }

  /** @param {Route} route @param {{tx: string, attempt: number}} given */
  #takePath(route, { tx, attempt }) {
    const isGiven = () => this.#outbound.path?.tx === tx && this.#outbound.path.attempt === attempt
    const wasOpen = isGiven()
    const steps = this.#outbound.receive({ kind: "pathGiven", tx, attempt }, this.#now)
    if (isGiven() && !wasOpen) this.#route = route
    this.#carryOut(steps)
    this.#bell.ring()
  }

  /** @param {Promise<void>} rung @param {AbortSignal} signal */
  async #sleep(rung, signal) {
    const due = [this.#outbound.nextAt(), this.#retryAt].filter((at) => at !== null)
    const seconds = Math.min(LONGEST_SLEEP_S, ...due.map((at) => at - this.#now))
    const woken = new AbortController()
    const stop = AbortSignal.any([signal, woken.signal])
    await Promise.race([rung, pause(this.#parts.clock, Math.max(0, seconds), stop)])
    woken.abort()
    if (this.#retryAt !== null && this.#now >= this.#retryAt) this.#retryAt = null
  }

  /** Sends as many cells as the window allows, in the order of the messages. */
  async #pump() {
    while (this.#now >= this.#forms.pausedUntil) {
      const due = this.#outbound.nextToSend(this.#now)
      const route = this.#route
      if (!due || !route) return
      const form = await this.#forms.get(due.number, route.device)
      if (form === "stop") return this.stop()
      if (form && (await this.#send(form, due.first, route))) continue
      this.#retryAt = form ? this.#now + RETRY_S : this.#forms.pausedUntil
      return
    }
  }

  /** Sends cells of one message. @param {Sealed} form @param {number} first @param {Route} route @returns {Promise<boolean>} whether the link took them */
  async #send(form, first, route) {
    const total = Math.ceil(form.envelope.length / FRAGMENT_BYTES)
    const frames = await route.frames(form.number, form.envelope, first, this.#outbound.flight.capacity)
    // The path may have changed while the cells were made; those are then worth nothing.
    const due = this.#outbound.nextToSend(this.#now)
    if (route !== this.#route || due?.number !== form.number || due.first !== first) return true
    const taken = frames.findIndex((frame) => !this.#parts.sendCell(route.link, frame))
    const until = first + (taken < 0 ? frames.length : taken)
    if (until > first) {
      const sent = /** @type {Event} */ ({ kind: "cellsSent", number: form.number, until, total })
      this.#carryOut(this.#outbound.receive(sent, this.#now))
    }
    return taken < 0
  }

  /** @param {import("./outbound-step.js").Command[]} steps */
  #carryOut(steps) {
    for (const step of steps) {
      if (step.kind === "start") {
        this.#started(step.tx)
        void this.#start(step.tx).catch(this.#parts.fail)
      } else if (step.kind === "askRepath") this.#askRepath(/** @type {any} */ (step))
      else if (step.kind === "end") this.#parts.sendFrame({ type: "complete", tx: step.tx })
      else this.#reports.progress(/** @type {any} */ (step), this.#hopsOf(step.attempt))
    }
  }

  /** The hops of the path that an attempt has, if it is the one in use. @param {number} attempt */
  #hopsOf(attempt) {
    const isOfRoute = attempt > 0 && attempt === this.#outbound.state.attempt
    return (isOfRoute && this.#route?.hopIds) || []
  }

  /** @param {{tx: string, attempt: number}} path */
  #askRepath({ tx, attempt }) {
    this.#parts.sendFrame({ type: "repath", tx, attempt })
  }

  /** @param {string} tx */
  async #start(tx) {
    const answered = await askForPath(this.#parts, this.#contact, tx)
    if (answered === "stop") this.stop()
    else this.receive(answered)
  }
}
