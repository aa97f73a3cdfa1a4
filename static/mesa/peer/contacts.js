// How two users become contacts: a sealed request, a sealed yes, and a delivery token in each. The server stores no row
// that names both of them.
// Spec: docs/spec/messages.md, kinds 2 and 3

import { packChain, verifyChain } from "../crypto/chain.js"
import { Kind, MAX_GREETING_SIGNS, createMessage } from "../crypto/messages.js"
import { equal } from "../lib/bytes.js"
import * as contacts from "../store/contact-book.js"
import * as sessions from "../store/session-book.js"
import { ContactBlocked, Refused, UnknownUser, UsageError } from "./errors.js"
import { unlessRefused } from "./pins.js"
import { reachedBy } from "./posts.js"
import * as requests from "./requests.js"

/** @typedef {import("../crypto/messages.js").Content} Content */
/** @typedef {import("../crypto/sessions.js").Session} Session */
/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./api.js").UserBundle} UserBundle */
/** @typedef {import("./opening.js").Opened} Opened */
/** @typedef {import("./posts.js").Address} Address */

/**
 * What the acquaintance of two users needs.
 *
 * @typedef {object} ContactParts
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {{userName: string, chain: Bytes}} account
 * @property {import("./api.js").Api} api
 * @property {import("../store/store.js").Store} store
 * @property {import("./delivery-tokens.js").DeliveryTokens} tokens
 * @property {import("./handshakes.js").Handshakes} handshakes
 * @property {import("./posts.js").Posts} posts
 * @property {import("./pins.js").Pins} pins
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(event: object) => void} report
 */

/** Requests and acceptances of this user. */
export class Contacts {
  #parts

  /** @param {ContactParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /**
   * Asks a user to become a contact; asks again when the first request had no answer.
   *
   * @param {string} userName
   * @param {{greeting?: string, fingerprint?: Bytes | null}} [how] fingerprint: of an invitation; with it, a user who is
   *     hidden from strangers is found, and nobody else
   * @returns {Promise<Contact>}
   * @throws {UsageError} this is the user's own name, or the greeting is too long
   * @throws {UnknownUser} there is no such user
   * @throws {ContactBlocked} the user was blocked here, or the server shows another chain than the one that was pinned
   *     before, or that the fingerprint is of
   * @throws {Refused | ServerUnreachable}
   */
  async request(userName, { greeting = "", fingerprint = null } = {}) {
    const { account, api, handshakes, pins, posts, store, tokens } = this.#parts
    const name = contacts.folded(userName)
    if (name === account.userName) throw new UsageError("own_name")
    if ([...greeting].length > MAX_GREETING_SIGNS) throw new UsageError("too_long")
    const known = await contacts.findByName(store.view, name)
    if (known?.fields.isBlocked) throw new ContactBlocked("blocked")
    if (known && fingerprint && !equal(fingerprint, known.identity.fingerprint))
      throw new ContactBlocked("invited_by_another")
    if (known?.state === "accepted") return known
    if (known?.state === "asking") return this.accept(name)
    if (!known?.fields.myToken) await tokens.provide()
    const pinned = known ? known.identity.fingerprint : fingerprint
    const bundle = await api.claimBundle(name, null, pinned)
    const identity = known
      ? (await pins.serverShows(known.number, bundle.statements)).identity
      : await verified(name, bundle, fingerprint)
    const session = await handshakes.begin(bundle, identity.devices[0])
    const chain = packChain(identity.statements)
    const asked = await store.transaction((unit) => this.#ask(unit, { name, chain, session, greeting }))
    // While the server was asked, the contact's own request or yes came, or another window's request.
    if (!asked) return this.request(name, { greeting, fingerprint })
    await posts.handOver(asked.post)
    return asked.contact
  }

  /**
   * Says yes to a user who asked.
   *
   * @param {string} userName
   * @returns {Promise<Contact>}
   * @throws {UnknownUser} nobody of that name has asked
   * @throws {ContactBlocked} the user was blocked here, or the server shows other keys than those that asked
   * @throws {Refused | ServerUnreachable} the yes is not said, or is kept as a post that goes later
   */
  async accept(userName) {
    const contact = await contacts.findByName(this.#parts.store.view, contacts.folded(userName))
    if (!contact || contact.state === "asked") throw new UnknownUser()
    if (contact.fields.isBlocked) throw new ContactBlocked("blocked")
    return contact.state === "asking" ? this.#sayYes(contact) : contact
  }

  /**
   * Tells whether a contact request comes from the user it names: anybody can write one with any name.
   *
   * @param {Opened} opened
   * @returns {Promise<boolean>}
   * @throws {Refused | ServerUnreachable} that can not be checked now
   */
  async isGenuine(opened) {
    const identity = await requests.claimedIdentity(opened)
    if (!identity) return false
    const known = await contacts.findByName(this.#parts.store.view, identity.userName)
    // Dropped without a question: nothing of a blocked user is worth one.
    return !known?.fields.isBlocked && requests.isAtServer(this.#parts.api, identity, opened.session.peer)
  }

  /** Takes in a contact request that is genuine. @param {Bytes} envelope @returns {Promise<Contact | null>} null if it does not fit the chain pinned before */
  async asked(envelope) {
    const { store, report } = this.#parts
    const { contact, news } = await store.transaction((unit) => requests.takeIn(this.#parts, unit, envelope))
    news.forEach(report)
    return contact
  }

  /** Numbers of the contacts that asked again and have no answer yet. @returns {Promise<number[]>} */
  async owed() {
    const known = await contacts.all(this.#parts.store.view)
    return known.filter((each) => each.fields.owesYes && !each.isClosed).map((each) => each.number)
  }

  /** Says yes again to a contact that has no answer yet. @param {number} number @throws {ContactBlocked | Refused | UnknownUser | ServerUnreachable} it still has none */
  async answer(number) {
    await this.#sayYes(await contacts.get(this.#parts.store.view, number))
  }

  /**
   * Gives an accepted contact that has none a token, in a request that it answers by itself.
   *
   * @param {number} number
   * @param {(known: Contact) => void} [check] throws if that is not meant any more: the server was asked meanwhile
   * @returns {Promise<{contact: Contact, post: number}>} the request is kept, and to be handed over
   * @throws {ContactBlocked | Refused | UnknownUser | ServerUnreachable} it has none yet, and nothing was changed
   */
  async handToken(number, check = () => {}) {
    const { account, handshakes, store, tokens } = this.#parts
    await tokens.provide()
    const { devices } = await contacts.get(store.view, number)
    await handshakes.sessionWith(number, devices[0])
    return store.transaction(async (unit) => {
      const known = await contacts.get(unit, number)
      check(known)
      if (known.fields.isUnsafe) throw new ContactBlocked("unsafe")
      const session = await this.#sessionFor(unit, known)
      const token = known.fields.myToken ?? (await tokens.give(unit, number))
      const contact = await contacts.change(unit, number, { myToken: token, isBlocked: false })
      const content = { kind: Kind.CONTACT_REQUEST, chain: account.chain, token, greeting: "" }
      const post = await this.#write(unit, contact, content, session, reachedBy(contact))
      return { contact, post }
    })
  }

  /** Keeps a contact that is asked, and the post that asks; null if there is nothing to ask any more. @param {Unit} unit @param {{name: string, chain: Bytes, session: Session, greeting: string}} request */
  async #ask(unit, { name, chain, session, greeting }) {
    const { account, tokens } = this.#parts
    const known =
      (await contacts.findByName(unit, name)) ?? (await contacts.add(unit, { userName: name, chain }))
    if (known.state !== "asked" || known.isClosed || !equal(known.fields.chain, chain)) return null
    const token = known.fields.myToken ?? (await tokens.give(unit, known.number))
    const contact = await contacts.change(unit, known.number, { myToken: token, ownGreeting: greeting })
    const content = { kind: Kind.CONTACT_REQUEST, chain: account.chain, token, greeting }
    return { contact, post: await this.#write(unit, contact, content, session, { userName: name }) }
  }

  /** @param {Contact} contact @returns {Promise<Contact>} */
  async #sayYes({ number, devices, fields }) {
    const { account, handshakes, posts, report, store, tokens } = this.#parts
    if (!fields.myToken) await tokens.provide()
    await handshakes.sessionWith(number, devices[0])
    const said = await store.transaction(async (unit) => {
      // Read again: while the server was asked, the contact may have changed.
      const known = await contacts.get(unit, number)
      const wasAccepted = known.state === "accepted"
      if (wasAccepted && !known.fields.owesYes) return { contact: known, wasAccepted }
      if (known.isClosed) throw new ContactBlocked(known.fields.isBlocked ? "blocked" : "unsafe")
      const session = await this.#sessionFor(unit, known)
      const token = known.fields.myToken ?? (await tokens.give(unit, number))
      const yes = { state: /** @type {const} */ ("accepted"), owesYes: false, isIgnored: false }
      const contact = await contacts.change(unit, number, { ...yes, myToken: token })
      const content = { kind: Kind.CONTACT_ACCEPT, chain: account.chain, token }
      const post = await this.#write(unit, contact, content, session, reachedBy(contact))
      return { contact, wasAccepted, post }
    })
    if (!said.wasAccepted) report({ event: "contact_added", user: said.contact.userName })
    if (said.post !== undefined) await posts.handOver(said.post)
    return said.contact
  }

  /** @param {Unit} unit @param {Contact} contact @returns {Promise<Session>} */
  async #sessionFor(unit, contact) {
    const session = await this.#parts.handshakes.atHand(unit, contact, contact.devices[0])
    if (!session) throw new Refused("no_session")
    return session
  }

  /** Seals a message as a post. @param {Unit} unit @param {Contact} contact @param {Content} content @param {Session} session @param {Address} address */
  async #write(unit, contact, content, session, address) {
    const message = createMessage(content, { nowMs: this.#parts.clock.unixMs() })
    const [next, envelope] = await session.encrypt(message.pack())
    await sessions.save(unit, contact.number, next)
    return this.#parts.posts.add(unit, next.peer, envelope, address)
  }
}

/**
 * What the server shows for a name that is not known here yet.
 *
 * @param {string} name
 * @param {UserBundle} bundle
 * @param {Bytes | null} fingerprint
 * @throws {ContactBlocked} no chain, somebody else's, or with another fingerprint than that of the invitation
 */
async function verified(name, { statements }, fingerprint) {
  const identity = await unlessRefused(verifyChain(statements))
  if (identity?.userName !== name) throw new ContactBlocked(identity ? "not_theirs" : "unreadable")
  if (fingerprint && !equal(fingerprint, identity.fingerprint)) throw new ContactBlocked("not_invited")
  return identity
}
