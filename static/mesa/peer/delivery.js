// All couriers of this device: starts one per contact, and leads each frame to the one it is for.
// Spec: docs/spec/outbox.md

import { utf8 } from "../crypto/encoding.js"
import { Kind, MAX_BODY_BYTES } from "../crypto/messages.js"
import { equal } from "../lib/bytes.js"
import { asUuid4 } from "../lib/uuid.js"
import { MAX_WATCH_PER_FRAME } from "../protocol/limits.js"
import * as contacts from "../store/contact-book.js"
import * as history from "../store/history.js"
import * as sessions from "../store/session-book.js"
import { Courier } from "./courier.js"
import { ContactBlocked, UnknownUser, UsageError } from "./errors.js"
import { Reports } from "./reports.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/frames.js").FrameToPeer} FrameToPeer */
/** @typedef {import("./courier.js").CourierParts} CourierParts */

const REMEMBERED_TRANSACTIONS = 256

/** Everything that is on its way out. */
export class Delivery {
  #parts
  #signal
  /** @type {Map<number, Courier>} */
  #couriers = new Map()
  // Receipts of a transaction may come after the next one began.
  /** @type {Map<string, Courier>} */
  #courierOf = new Map()
  #isOnline = false

  /** @param {CourierParts} parts @param {AbortSignal} signal ends all of it */
  constructor(parts, signal) {
    this.#parts = parts
    this.#signal = signal
  }

  /**
   * Accepts a message: when this returns its number, it is on the disk and will be delivered. What is written to somebody
   * who was asked waits for the answer.
   *
   * @param {string} userName
   * @param {string} text
   * @param {Bytes} [chosen] 16 bytes from which the message id is made: for the same ones a message is accepted once
   * @returns {Promise<number>}
   * @throws {UnknownUser} no contact of that name, or one that asked and has no answer
   * @throws {ContactBlocked} its keys do not match, or the user refuses the suite of its devices
   * @throws {UsageError} a text that is empty, or longer than a message holds
   */
  async send(userName, text, chosen) {
    const size = utf8(text).length
    if (size === 0 || size > MAX_BODY_BYTES) throw new UsageError()
    const messageId = chosen && asUuid4(chosen.slice())
    const { store, clock } = this.#parts
    const written = await store.transaction(async (unit) => {
      // Read here: a yes that comes in meanwhile is before this unit, which sees it, or after it, and finds the message.
      const contact = await contacts.findByName(unit, contacts.folded(userName))
      if (!contact || contact.state === "asking") throw new UnknownUser()
      const weakest = Math.max(...contact.devices.map((device) => device.suite))
      if (contact.isClosed || (await sessions.refuses(unit, weakest))) throw new ContactBlocked()
      const known = messageId && (await history.numberOf(unit, contact.number, messageId))
      if (known) return { number: known, courier: null, fresh: null, waitsForYes: false }
      const courier = contact.state === "accepted" ? this.#courier(contact) : null
      const content = /** @type {const} */ ({ kind: Kind.TEXT, text })
      const stored = await history.write(unit, contact.number, content, clock.unixMs(), messageId)
      const fresh = (await courier?.sealAtOnce(unit, stored)) ?? null
      return { number: stored.number, courier, fresh, waitsForYes: courier === null }
    })
    written.courier?.queue(written.number, written.fresh)
    // Nothing carries it before the yes, so no courier tells of it.
    if (written.waitsForYes)
      new Reports(contacts.folded(userName), this.#parts.report).written(written.number)
    return written.number
  }

  /** Takes up the messages without a receipt that earlier runs left. */
  async resume() {
    const { view } = this.#parts.store
    for (const number of await history.contactsWith(view, "undelivered")) await this.goOn(number)
  }

  /** Takes up the messages for one contact that have no receipt. @param {number} number */
  async goOn(number) {
    const { view } = this.#parts.store
    const contact = await contacts.get(view, number)
    if (contact.state !== "accepted" || contact.isClosed) return
    const waiting = await history.inState(view, "undelivered", number)
    for (const stored of waiting) this.#courier(contact).takeUp(stored.number)
  }

  /** Carries nothing more to one contact; its messages stay in the outbox. @param {number} number */
  stop(number) {
    this.#couriers.get(number)?.stop()
  }

  /** Goes on by the token that a contact gave just now: the one before may reach nobody any more. @param {number} number */
  async reachedAnew(number) {
    const { state, isClosed, fields } = await contacts.get(this.#parts.store.view, number)
    if (state !== "accepted" || isClosed || !fields.theirToken) return
    this.watchContact(fields.theirToken)
    const courier = this.#couriers.get(number)
    const tx = courier?.tx
    if (courier && tx) {
      courier.close()
      courier.receive({ kind: "failed", tx })
    }
    courier?.receive({ kind: "contactCame" })
  }

  /** The session socket came or went. @param {boolean} isOnline */
  async online(isOnline) {
    this.#isOnline = isOnline
    for (const courier of this.#couriers.values()) courier.receive(socket(isOnline))
    if (isOnline) await this.#watch()
  }

  /** The server has forgotten all transactions. */
  storeLost() {
    for (const courier of this.#couriers.values()) courier.receive({ kind: "storeLost" })
  }

  /** A contact asks for everything without a receipt again. @param {number} contact */
  resend(contact) {
    this.#couriers.get(contact)?.resend()
  }

  /** Takes a frame about transactions. @param {FrameToPeer} frame */
  async receive(frame) {
    switch (frame.type) {
      case "path_ready":
        return this.#courierOf.get(frame.tx)?.pathReady(frame)
      case "attempt_failed":
        return this.#courierOf.get(frame.tx)?.receive(attemptOver(frame))
      case "transaction_ended":
        return this.#courierOf.get(frame.tx)?.ended(frame)
      case "receipt":
        return "tx" in frame ? this.#courierOf.get(frame.tx)?.receipts(frame) : undefined
      case "contact_online":
        return this.#contactOnline(frame.token)
      case "snapshot":
        return this.#snapshot(frame)
    }
  }

  /** Asks to be told when a new contact comes online. @param {Bytes} theirToken */
  watchContact(theirToken) {
    if (this.#isOnline) this.#parts.sendFrame({ type: "watch", tokens: [theirToken] })
  }

  /** Lets the server forget the transactions of this run; messages stay in the outbox. */
  close() {
    for (const courier of this.#couriers.values()) courier.close()
  }

  /** @param {Bytes} token its digest, as the server names it */
  async #contactOnline(token) {
    const reached = await contacts.reachedBy(this.#parts.store.view)
    const found = reached.find((each) => equal(each.digest, token))
    if (found) this.#couriers.get(found.contact)?.receive({ kind: "contactCame" })
  }

  /** Takes the receipts that a snapshot held back, then compares transactions. @param {FrameToPeer & {type: "snapshot"}} frame */
  async #snapshot(frame) {
    for (const held of frame.receipts) await this.#courierOf.get(held.tx)?.receipts(held)
    const listed = new Map(frame.transactions.map(({ tx, state, attempt }) => [tx, { state, attempt }]))
    this.#endStrays(listed.keys())
    for (const courier of this.#couriers.values()) courier.snapshot(listed)
  }

  /**
   * Ends transactions that carry nothing: of an earlier run, or begun though the answer got lost. The server would look
   * for paths for them until it gives them up.
   *
   * @param {Iterable<string>} listed
   */
  #endStrays(listed) {
    const carrying = new Set([...this.#couriers.values()].map((courier) => courier.tx))
    for (const tx of listed) if (!carrying.has(tx)) this.#parts.sendFrame({ type: "complete", tx })
  }

  async #watch() {
    const reached = await contacts.reachedBy(this.#parts.store.view)
    const tokens = reached.map((each) => each.token)
    for (let at = 0; at < tokens.length; at += MAX_WATCH_PER_FRAME) {
      this.#parts.sendFrame({ type: "watch", tokens: tokens.slice(at, at + MAX_WATCH_PER_FRAME) })
    }
  }

  /** @param {contacts.Contact} contact */
  #courier(contact) {
    const known = this.#couriers.get(contact.number)
    if (known) return known
    const courier = new Courier(contact, this.#parts, (tx) => this.#began(tx, courier))
    this.#couriers.set(contact.number, courier)
    courier.receive(socket(this.#isOnline))
    void courier.run(this.#signal)
    return courier
  }

  /** @param {string} tx @param {Courier} courier */
  #began(tx, courier) {
    this.#courierOf.set(tx, courier)
    const [oldest] = this.#courierOf.keys()
    if (this.#courierOf.size > REMEMBERED_TRANSACTIONS) this.#courierOf.delete(oldest)
  }
}

/** @param {boolean} isOnline @returns {import("./outbound-table.js").Event} */
function socket(isOnline) {
  return { kind: isOnline ? "socketOpened" : "socketClosed" }
}

/** What the end of an attempt means for the outbox. @param {FrameToPeer & {type: "attempt_failed"}} frame @returns {import("./outbound-table.js").Event} */
function attemptOver({ tx, attempt, cause, forwarders }) {
  if (cause === "idle") return { kind: "pathLetGo", tx, attempt }
  return { kind: "attemptLost", tx, attempt, forwarders: cause === "too_few_forwarders" ? forwarders : null }
}
