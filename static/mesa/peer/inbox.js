// What arrives: each message is stored once, with its receipt, in one commit; then it may be shown.
// Spec: docs/spec/receipts.md, and docs/spec/agent.md, section "Order of messages"

import { Kind } from "../crypto/messages.js"
import { HASH_PART_BYTES, envelopeHash, makeReceipt } from "../crypto/receipts.js"
import { StoreFull } from "../store/errors.js"
import * as contacts from "../store/contact-book.js"
import * as held from "../store/held.js"
import * as history from "../store/history.js"
import * as outbox from "../store/outbox.js"
import * as prekeys from "../store/prekey-book.js"
import * as sessions from "../store/session-book.js"
import { NotReadable, open } from "./opening.js"
import { Releasing } from "./releasing.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").ReceiptEntry} ReceiptEntry */
/** @typedef {import("../store/history.js").Entry} Entry */
/** @typedef {import("../store/store.js").Store} Store */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./opening.js").Opened} Opened */

/**
 * @typedef {object} InboxParts
 * @property {Store} store
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(event: object) => void} report
 * @property {(contact: number) => void} unreadable messages of a contact do not open
 * @property {(contact: number) => void} resend a contact wants messages again
 * @property {(unit: Unit, contact: number, chain: Bytes) => Promise<{fits: boolean, news: object[]}>} follow a chain
 *     inside a message of a contact's
 * @property {(error: unknown) => void} fail this peer can not go on
 */

const TABLE = "received"
/** @type {number[]} */
const SILENT = [
  Kind.CONTACT_REQUEST,
  Kind.CONTACT_ACCEPT,
  Kind.SESSION_RESET,
  Kind.DIRECT_ASK,
  Kind.DIRECT_ACCEPT,
  Kind.DIRECT_END,
]

/** The receiving end of every conversation of this device. */
export class Inbox {
  #parts
  #releasing

  /** @param {InboxParts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#releasing = new Releasing(parts.clock)
  }

  /**
   * Stores what arrived together, in one commit; nothing is told before it.
   *
   * @param {Bytes[]} envelopes
   * @returns {Promise<(ReceiptEntry | null)[]>} their receipts, once and for ever the same; null for one that does not
   *     open, or is from nobody who may send here
   * @throws {StoreFull} nothing of all of them was stored
   */
  async takeAll(envelopes) {
    /** @type {(() => void)[]} */
    const told = []
    const touched = new Set()
    try {
      const entries = await this.#parts.store.transaction(async (unit) => {
        const taken = []
        for (const envelope of envelopes) taken.push(await this.#take(unit, envelope, told, touched))
        return taken
      })
      for (const tell of told) tell()
      void this.releaseRest().catch(this.#parts.fail)
      return entries
    } catch (error) {
      for (const contact of touched) this.#releasing.forget(contact)
      throw error
    }
  }

  /** Tells whether an envelope was stored before. @param {Bytes} envelope */
  async knows(envelope) {
    const { view } = this.#parts.store
    return (await view.get(TABLE, await view.digest(TABLE, await envelopeHash(envelope)))) !== undefined
  }

  /** Lets messages be shown whose predecessors did not come in time, with a gap before them. */
  async showOverdue() {
    for (const contact of await held.holding(this.#parts.store.view)) {
      await this.#releasing.look(this.#parts.store.view, contact)
    }
    await this.releaseRest()
  }

  /** Releases all that may be, with a turn for everybody else after each slice. */
  async releaseRest() {
    const { store, report } = this.#parts
    for (;;) {
      const [contact] = await this.#releasing.pending(store.view)
      if (contact === undefined) return
      try {
        const told = await store.transaction(async (unit) =>
          shown(unit, await this.#releasing.release(unit, contact)),
        )
        told.forEach(report)
      } catch (error) {
        this.#releasing.forget(contact)
        // They wait for space; the next message that comes tries again.
        if (error instanceof StoreFull) return
        throw error
      }
    }
  }

  /** @param {Unit} unit @param {Bytes} envelope @param {(() => void)[]} told @param {Set<number>} touched @returns {Promise<ReceiptEntry | null>} */
  async #take(unit, envelope, told, touched) {
    const hash = await envelopeHash(envelope)
    const row = await unit.get(TABLE, await unit.digest(TABLE, hash))
    if (row) {
      const isAdmitted = (await admitted(unit, row.contact)) === "accepted"
      return isAdmitted ? entryOf(await unit.open(TABLE, row.digest, row.record)) : null
    }
    try {
      const opened = await open(unit, this.#parts.own, envelope, this.#parts.clock.unixMs())
      if (opened.contact === null || !(await maySend(unit, opened.contact, opened))) return null
      touched.add(opened.contact)
      return await this.#keep(unit, { ...opened, contact: opened.contact }, hash, told)
    } catch (error) {
      if (!(error instanceof NotReadable)) throw error
      const { contact } = error
      if (contact !== null) told.push(() => this.#parts.unreadable(contact))
      return null
    }
  }

  /** @param {Unit} unit @param {Opened & {contact: number}} opened @param {Bytes} hash @param {(() => void)[]} told */
  async #keep(unit, opened, hash, told) {
    const { contact, message } = opened
    const receipt = await makeReceipt(message.receiptKey, hash)
    await keepOpened(unit, contact, opened)
    const digest = await unit.digest(TABLE, hash)
    unit.put(TABLE, { digest, contact, record: await unit.seal(TABLE, digest, receipt) })
    const news = await this.#store(unit, opened)
    await this.#releasing.look(unit, contact)
    if ((await this.#releasing.pending(unit)).includes(contact)) {
      news.push(...(await shown(unit, await this.#releasing.release(unit, contact))))
    }
    told.push(() => news.forEach(this.#parts.report))
    if (message.content.kind === Kind.SESSION_RESET) told.push(() => this.#parts.resend(contact))
    return entryOf(receipt)
  }

  /** Stores a message, and does what it says. @param {Unit} unit @param {Opened & {contact: number}} opened @returns {Promise<object[]>} what to report */
  async #store(unit, { contact, message, session }) {
    const { content } = message
    const isSilent = SILENT.includes(content.kind)
    const nowMs = this.#parts.clock.unixMs()
    const stored = await history.receive(unit, contact, message, { nowMs, isSilent })
    if (!stored || stored.state === "held") return []
    await history.cameIn(unit, stored)
    if (content.kind === Kind.CONTACT_ACCEPT) return this.#accepted(unit, contact, content)
    if (content.kind === Kind.SESSION_RESET) {
      await contacts.change(unit, contact, { sessionsFromMs: session.startedMs })
      await outbox.unsealAll(unit, contact)
    }
    return isSilent ? [] : shown(unit, [stored])
  }

  /** @param {Unit} unit @param {number} number @param {{chain: Bytes, token: Bytes}} content */
  async #accepted(unit, number, { chain, token }) {
    const { fits, news } = await this.#parts.follow(unit, number, chain)
    const contact = await contacts.get(unit, number)
    if (!fits || contact.state !== "asked") return news
    await contacts.change(unit, number, { state: "accepted", theirToken: token })
    return [...news, { event: "contact_added", user: contact.userName }]
  }
}

/** Keeps what a message was opened with. @param {Unit} unit @param {number} contact @param {Opened} opened */
export async function keepOpened(unit, contact, { session, spent, header }) {
  await sessions.save(unit, contact, session)
  prekeys.spend(unit, spent)
  if (header) await prekeys.remember(unit, header)
}

/** How far a contact has come whose messages are taken in; undefined for one who is blocked, or is none. @param {Unit} unit @param {number} number */
async function admitted(unit, number) {
  const contact = await contacts.find(unit, number)
  return contact?.fields.isBlocked ? undefined : contact?.state
}

/** @param {Unit} unit @param {number} contact @param {Opened} opened */
async function maySend(unit, contact, { message }) {
  const state = await admitted(unit, contact)
  return state === "accepted" || (state === "asked" && message.content.kind === Kind.CONTACT_ACCEPT)
}

/** What is told of messages that may be shown. @param {Unit} unit @param {Entry[]} entries @returns {Promise<object[]>} */
async function shown(unit, entries) {
  if (entries.length === 0) return []
  const { userName: sender } = await contacts.get(unit, entries[0].contact)
  return entries.map(({ number, message }) =>
    message
      ? { event: "message_received", number, sender, sent_at_ms: Number(message.sentMs) }
      : { event: "message_missing", number, sender },
  )
}

/** @param {Bytes} receipt @returns {ReceiptEntry} */
function entryOf(receipt) {
  return { digest: receipt.slice(0, HASH_PART_BYTES), mac: receipt.slice(HASH_PART_BYTES) }
}
