// Puts the parts of a running peer together: every part knows its edges only, and this module knows them all.

import { randomBytes } from "../crypto/primitives.js"
import { Turns } from "../lib/turns.js"
import { asUuid4, uuidText } from "../lib/uuid.js"
import * as contacts from "../store/contact-book.js"
import { StoreFull } from "../store/errors.js"
import { Blocking } from "./blocking.js"
import { Chores } from "./chores.js"
import { Contacts } from "./contacts.js"
import { DeliveryTokens } from "./delivery-tokens.js"
import { Delivery } from "./delivery.js"
import { Handshakes } from "./handshakes.js"
import { Inbox } from "./inbox.js"
import { Mailbox } from "./mailbox.js"
import { Network } from "./network.js"
import { Pins } from "./pins.js"
import { Posts } from "./posts.js"
import { Resets } from "./resets.js"
import { take } from "./taking.js"
import { checkLogin, checkPrekeys } from "./upkeep.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/frames.js").FrameToPeer} FrameToPeer */

/**
 * What one run stands on, and where it speaks to.
 *
 * @typedef {object} PeerParts
 * @property {{userName: string, chain: Bytes, device: import("../crypto/identity.js").DeviceKeys}} account
 * @property {import("../store/store.js").Store} store
 * @property {import("./api.js").Api} api
 * @property {import("../lib/timing.js").Clock} clock
 * @property {import("./network.js").NetworkParts["makeSession"]} makeSession
 * @property {import("./guards-watch.js").GuardsWatch} guards
 * @property {() => boolean} forwards
 * @property {() => boolean} isTurnOnly
 * @property {(event: object) => void} report
 * @property {(error: unknown) => void} fail this run can not go on
 */

const SAY_FULL_EVERY_S = 60
const GOODBYE_S = 1

/** One run of a peer, from its store to its last frame. */
export class Peer {
  #parts
  #ended = new AbortController()
  #networkEnded = new AbortController()
  #carriedBefore = 0
  #sayFullAt = 0
  // Frames about messages are worked on in their order; one that fails stops none after it.
  #frames = new Turns()
  #resets
  #chores
  contacts
  blocking
  delivery
  inbox
  network
  pins
  shared

  /** @param {PeerParts} parts */
  constructor(parts) {
    this.#parts = parts
    const { account, store, api, clock } = parts
    const report = (/** @type {any} */ event) => this.#report(event)
    const own = account.device
    const tokens = new DeliveryTokens(store, api)
    this.pins = new Pins({ store, tokens, clock, report })
    const handshakes = new Handshakes({ own, api, store, pins: this.pins, clock, report })
    const posts = new Posts({ store, api, clock })
    const shared = (this.shared = {
      own,
      account,
      api,
      store,
      tokens,
      handshakes,
      posts,
      pins: this.pins,
      clock,
      report,
    })
    this.contacts = new Contacts(shared)
    this.#resets = new Resets(shared, draw)
    this.inbox = new Inbox({
      ...{ store, own, clock, report },
      unreadable: (contact) => this.#do(this.#resets.ask(contact, this.#ended.signal)),
      resend: (contact) => this.delivery.resend(contact),
      follow: (unit, contact, chain) => this.pins.follow(unit, contact, chain),
      fail: (error) => this.#fail(error),
    })
    this.network = this.#makeNetwork()
    this.delivery = new Delivery(
      {
        ...{ store, handshakes, pins: this.pins, api, clock, report },
        chance: { newTx, jitter: draw },
        tickets: () => parts.guards.tickets(),
        sendCell: (link, frame) => this.network.links.send(link, frame),
        sendFrame: (frame) => this.network.session.send(frame),
        fail: (error) => this.#fail(error),
      },
      this.#ended.signal,
    )
    this.blocking = new Blocking({ ...shared, contacts: this.contacts, delivery: this.delivery })
    const mailbox = new Mailbox({
      ...{ own, api, store, inbox: this.inbox, contacts: this.contacts, clock },
      answered: (contact) => this.delivery.reachedAnew(contact),
    })
    this.#chores = new Chores({
      ...{ tokens, posts, mailbox, inbox: this.inbox, clock, draw },
      checkLogin: () => checkLogin({ own, api }),
      checkPrekeys: () => checkPrekeys({ own, api, store, clock }),
      fail: (error) => this.#fail(error),
    })
  }

  /** Takes up what earlier runs left, and goes online. */
  async start() {
    await this.inbox.showOverdue()
    await this.delivery.resume()
    this.#startNetwork()
    this.#chores.start(this.#ended.signal)
  }

  /** Begins anew in the network, because its links are to be made in another way: nothing of before stays open. */
  beginAnew() {
    if (this.#ended.signal.aborted) return
    this.#carriedBefore = this.carried
    this.network.close()
    this.#networkEnded.abort()
    this.#online(false)
    this.network = this.#makeNetwork()
    this.#startNetwork()
  }

  /** How many cells of others this run has passed on. */
  get carried() {
    return this.#carriedBefore + this.network.carried
  }

  /** Does a round of the mailbox soon. */
  lookIntoMailbox() {
    this.#chores.lookIntoMailbox()
  }

  /** Leaves in order: transactions end, links close, frames go out. */
  async sayGoodbye() {
    this.delivery.close()
    this.network.close()
    await this.network.session.flush(GOODBYE_S)
    this.stop()
  }

  /** Ends at once: a window that goes away has no time. */
  stop() {
    if (this.#ended.signal.aborted) return
    this.delivery.close()
    this.network.close()
    this.#ended.abort()
  }

  #makeNetwork() {
    const { account, isTurnOnly } = this.#parts
    const fail = (/** @type {unknown} */ error) => this.#fail(error)
    return new Network(
      { ...this.#parts, own: account.device, isTurnOnly: isTurnOnly(), fail },
      {
        take: (envelopes) => take(this.inbox, envelopes, () => this.#diskIsFull()),
        frame: (frame) => this.#received(frame),
        online: (isOnline) => this.#online(isOnline),
        storeLost: () => this.delivery.storeLost(),
      },
    )
  }

  #startNetwork() {
    this.#networkEnded = new AbortController()
    this.network.start(AbortSignal.any([this.#ended.signal, this.#networkEnded.signal]))
  }

  /** @param {FrameToPeer} frame */
  #received(frame) {
    if (frame.type === "mailbox") return this.#chores.lookIntoMailbox()
    this.#do(this.#frames.take(() => this.delivery.receive(frame)))
  }

  /** @param {boolean} isOnline */
  #online(isOnline) {
    this.#do(this.delivery.online(isOnline))
    if (isOnline) this.#chores.lookIntoMailbox()
  }

  /** @param {{event: string, user?: string}} event */
  #report(event) {
    this.#parts.report(event)
    const { user } = event
    if (user !== undefined) this.#do(this.#follow(event.event, user))
  }

  /** What follows from news about a contact. @param {string} event @param {string} userName */
  async #follow(event, userName) {
    const contact = await contacts.findByName(this.#parts.store.view, userName)
    const token = contact?.fields.theirToken
    if (!contact) return
    if (event === "contact_added" && token) {
      this.delivery.watchContact(token)
      await this.delivery.goOn(contact.number)
    }
    if (["contact_unsafe", "contact_renewed"].includes(event) && contact.isClosed) {
      this.delivery.stop(contact.number)
    }
  }

  /** Says so, but not with each of many messages. */
  #diskIsFull() {
    const now = this.#parts.clock.now()
    if (now < this.#sayFullAt) return
    this.#sayFullAt = now + SAY_FULL_EVERY_S
    this.#parts.report({ event: "disk_full" })
  }

  /** @param {Promise<unknown>} work */
  #do(work) {
    work.catch((error) => {
      // A receipt that is not kept comes again when its message is sent again.
      if (error instanceof StoreFull) this.#diskIsFull()
      else this.#fail(error)
    })
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#ended.signal.aborted) return
    this.stop()
    this.#parts.fail(error)
  }
}

/** A random number from 0 to 1. */
function draw() {
  return new DataView(randomBytes(4).buffer).getUint32(0) / 2 ** 32
}

/** The id of a new transaction, a UUIDv4. */
function newTx() {
  return uuidText(asUuid4(randomBytes(16)))
}
