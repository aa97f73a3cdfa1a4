// Empties this device's mailbox: each post is taken in once, and deleted only after its content is committed.
// Spec: docs/spec/rest.md, routes `mailbox/`

import { Reader, u32 } from "../crypto/encoding.js"
import { CryptoError } from "../crypto/errors.js"
import { Kind } from "../crypto/messages.js"
import { openPost } from "../crypto/sealing.js"
import { concat, toHex } from "../lib/bytes.js"
import { dayOf } from "../lib/timing.js"
import { MAILBOX_IDS_PER_REQUEST } from "./api.js"
import { Backoff } from "./backoff.js"
import { isPassing } from "./failures.js"
import { NotReadable, open } from "./opening.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {{id: Bytes, envelope: Bytes}} Post */

/**
 * What a post passes through.
 *
 * @typedef {object} MailboxParts
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {import("./api.js").Api} api
 * @property {import("../store/store.js").Store} store
 * @property {import("./inbox.js").Inbox} inbox
 * @property {import("./contacts.js").Contacts} contacts
 * @property {(contact: number) => Promise<void>} answered a contact that asked again, and gave a token, has its yes
 * @property {import("../lib/timing.js").Clock} clock
 */

const DONE = "mailboxDone"
const ASIDE = "setAside"
// Longer than a post lives at the server.
const REMEMBER_DAYS = 21
// Beyond this many, what can not be handled stays at the server.
export const MAX_SET_ASIDE = 256

/** The sealed posts that wait at the server, and those set aside here until they can be handled. */
export class Mailbox {
  #parts
  /** Of posts that were set aside, by id, and of answers that are owed, by contact. @type {Backoff<string | number>} */
  #pauses
  #cleanedOn = 0

  /** @param {MailboxParts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#pauses = new Backoff(parts.clock)
  }

  /** Seconds until something that failed is tried again; null if there is nothing. */
  get retryInS() {
    return this.#pauses.dueInS
  }

  /**
   * Takes in everything that waits, and answers who asked again; what fails now stops nothing else.
   *
   * @throws {LoginRefused | ServerUnreachable | Refused} the server does not show the mailbox now
   */
  async empty() {
    const { api } = this.#parts
    await this.#forgetOld()
    for (;;) {
      const ids = []
      for (const post of await api.mailbox()) if (await this.#isDone(post)) ids.push(post.id)
      if (ids.length > 0) await api.deletePosts(ids)
      if (ids.length < MAILBOX_IDS_PER_REQUEST) break
    }
    await this.#tryAgain()
    await this.#answerOwed()
  }

  /** Takes a post in, unless that was done before, or sets it aside. @param {Post} post @returns {Promise<boolean>} whether the server may forget it */
  async #isDone({ id, envelope }) {
    const { store } = this.#parts
    const key = await store.view.digest(DONE, id)
    if (await store.view.get(DONE, key)) return true
    try {
      await this.#take(envelope)
    } catch (error) {
      if (!isPassing(error)) throw error
      return this.#setAside(id, envelope)
    }
    // Between the commit inside and this one a crash does no harm: what is known is not taken in again.
    await store.transaction((unit) => this.#remember(unit, id))
    return true
  }

  /** @param {Bytes} sealed */
  async #take(sealed) {
    const { own, inbox, contacts, store, clock } = this.#parts
    try {
      const envelope = await openPost(own, sealed)
      if (await inbox.knows(envelope)) return
      const opened = await open(store.view, own, envelope, clock.unixMs())
      if (opened.message.content.kind !== Kind.CONTACT_REQUEST) await inbox.takeAll([envelope])
      // Opened again: while the server was asked, the session may have moved on.
      else if (await contacts.isGenuine(opened)) await contacts.asked(envelope)
    } catch (error) {
      // It does not open, now or ever.
      if (!(error instanceof CryptoError || error instanceof NotReadable)) throw error
    }
  }

  /** Keeps a post here, so that it fills nothing at the server. @param {Bytes} id @param {Bytes} sealed @returns {Promise<boolean>} whether there was space */
  async #setAside(id, sealed) {
    const isKept = await this.#parts.store.transaction(async (unit) => {
      if ((await unit.count(ASIDE)) >= MAX_SET_ASIDE) return false
      const post = await unit.digest(ASIDE, id)
      unit.put(ASIDE, { post, record: await unit.seal(ASIDE, post, concat(this.#today, sealed)) })
      await this.#remember(unit, id)
      return post
    })
    if (isKept) this.#pauses.failed(toHex(isKept))
    return isKept !== false
  }

  /** Handles posts that were set aside, each in its own time. */
  async #tryAgain() {
    const { view } = this.#parts.store
    for (const { post, record } of await view.select(ASIDE)) {
      const { rest } = dated(await view.open(ASIDE, post, record))
      if (await this.#succeeds(toHex(post), () => this.#take(rest))) await this.#drop(post)
    }
  }

  /** Says each yes that is owed, in its own time. */
  async #answerOwed() {
    const { contacts, answered } = this.#parts
    for (const number of await contacts.owed()) {
      if (!(await this.#succeeds(number, () => contacts.answer(number)))) continue
      this.#pauses.done(number)
      await answered(number)
    }
  }

  /** Does what failed before, if it is due. @param {string | number} key @param {() => Promise<unknown>} step @returns {Promise<boolean>} whether it is done */
  async #succeeds(key, step) {
    if (!this.#pauses.isDue(key)) return false
    try {
      await step()
      return true
    } catch (error) {
      if (!isPassing(error)) throw error
      this.#pauses.failed(key, error.retryAfterS)
      return false
    }
  }

  /** @param {Bytes} post */
  async #drop(post) {
    await this.#parts.store.transaction(async (unit) => unit.delete(ASIDE, post))
    this.#pauses.done(toHex(post))
  }

  /** @param {Unit} unit @param {Bytes} id */
  async #remember(unit, id) {
    const post = await unit.digest(DONE, id)
    if (!(await unit.get(DONE, post))) {
      unit.put(DONE, { post, record: await unit.seal(DONE, post, this.#today) })
    }
  }

  /** Forgets once a day what no post can come of any more. */
  async #forgetOld() {
    const today = dayOf(this.#parts.clock.unixMs())
    if (today === this.#cleanedOn) return
    const { view } = this.#parts.store
    for (const table of [DONE, ASIDE]) {
      for (const { post, record } of await view.select(table)) {
        if (today - dated(await view.open(table, post, record)).day <= REMEMBER_DAYS) continue
        await this.#parts.store.transaction(async (unit) => unit.delete(table, post))
        this.#pauses.done(toHex(post))
      }
    }
    this.#cleanedOn = today
  }

  /** Stands in sealed records: rows tell no day. */
  get #today() {
    return u32(dayOf(this.#parts.clock.unixMs()))
  }
}

/** @param {Bytes} raw */
function dated(raw) {
  const reader = new Reader(raw)
  return { day: reader.u32(), rest: reader.rest() }
}
