// What a user does about people who are not welcome: ignores, blocks, lets in again. Nobody is told: a request that is
// ignored looks like one that was not seen; who is blocked sees somebody who is offline.
// Spec: docs/spec/agent.md, section "Ignoring and blocking"

import * as contacts from "../store/contact-book.js"
import { ContactBlocked, UnknownUser, UsageError } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("./contacts.js").ContactParts} ContactParts */

/**
 * @typedef {Pick<ContactParts, "posts" | "store" | "tokens" | "report"> & {
 *   contacts: import("./contacts.js").Contacts
 *   delivery: Pick<import("./delivery.js").Delivery, "stop" | "goOn" | "watchContact">
 * }} BlockingParts
 */

/** The user's word about contacts and those who ask. */
export class Blocking {
  #parts
  /** How often each was blocked in this run. @type {Map<number, number>} */
  #blocks = new Map()

  /** @param {BlockingParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /** Leaves a contact request without an answer; when the same user asks again, nothing shows. @param {string} userName @throws {UnknownUser} nobody of that name has asked */
  async ignore(userName) {
    const contact = await this.#find(userName)
    if (contact.state !== "asking" || contact.fields.isBlocked) throw new UnknownUser()
    if (contact.fields.isIgnored) return contact
    return this.#change(contact, { isIgnored: true }, "user_ignored")
  }

  /**
   * Takes nothing more from somebody, and sends nothing: at once here, then the server is told.
   *
   * @param {string} userName
   * @returns {Promise<Contact>}
   * @throws {UnknownUser} there is neither a contact nor a request of that name
   * @throws {Refused | ServerUnreachable} blocked, but their token lives until the server is told
   */
  async block(userName) {
    const { delivery, report, store, tokens } = this.#parts
    const { number, userName: user } = await this.#find(userName)
    this.#blocks.set(number, (this.#blocks.get(number) ?? 0) + 1)
    const { contact, isNew } = await store.transaction(async (unit) => {
      const known = await contacts.get(unit, number)
      if (known.fields.isBlocked) return { contact: known, isNew: false }
      await tokens.end(unit, number)
      const gone = { isIgnored: false, myToken: null, owesYes: false }
      return { contact: await contacts.change(unit, number, { ...gone, isBlocked: true }), isNew: true }
    })
    if (isNew) {
      delivery.stop(number)
      report({ event: "user_blocked", user })
    }
    await tokens.withdraw()
    return contact
  }

  /**
   * Lets somebody in again; a contact gets a new token, and what waits for it goes on.
   *
   * @param {string} userName
   * @returns {Promise<Contact>}
   * @throws {UnknownUser} there is neither a contact nor a request of that name
   * @throws {UsageError} whoever has it was not blocked
   * @throws {ContactBlocked} a contact stays blocked: keys do not match, or it was blocked again meanwhile
   * @throws {Refused | ServerUnreachable} a contact stays blocked, or its token is a post that goes later
   */
  async unblock(userName) {
    const { delivery, posts, report } = this.#parts
    const known = await this.#find(userName)
    if (!known.fields.isBlocked) throw new UsageError("not_blocked")
    if (known.state !== "accepted" || known.fields.isUnsafe) {
      // No token is to be given: nothing was agreed yet, or keys do not match.
      const state = known.state === "asking" ? "asking" : "asked"
      return this.#change(known, { isBlocked: false, state }, "user_unblocked")
    }
    const check = this.#stillMeant(known.number)
    const { contact, post } = await this.#parts.contacts.handToken(known.number, check)
    // Handed over last: they are let in, whatever becomes of the post.
    report({ event: "user_unblocked", user: contact.userName })
    if (contact.fields.theirToken) delivery.watchContact(contact.fields.theirToken)
    await delivery.goOn(contact.number)
    await posts.handOver(post)
    return contact
  }

  /** Gives a check that the user's word of now is the last one about a contact. @param {number} number */
  #stillMeant(number) {
    const blocks = this.#blocks.get(number)
    return (/** @type {Contact} */ known) => {
      if (!known.fields.isBlocked) throw new UsageError("not_blocked")
      if (this.#blocks.get(number) !== blocks) throw new ContactBlocked("blocked")
    }
  }

  /** @param {Contact} contact @param {Partial<contacts.ContactFields>} fields @param {string} event */
  async #change({ number, userName }, fields, event) {
    const changed = await this.#parts.store.transaction((unit) => contacts.change(unit, number, fields))
    this.#parts.report({ event, user: userName })
    return changed
  }

  /** @param {string} userName */
  async #find(userName) {
    const contact = await contacts.findByName(this.#parts.store.view, contacts.folded(userName))
    if (!contact) throw new UnknownUser()
    return contact
  }
}
