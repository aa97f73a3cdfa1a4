// People with one device each: a store, and all that makes contacts of them at a server in memory.

import { Sealer, createStoreKeys } from "../../../static/mesa/crypto/at-rest.js"
import { packChain } from "../../../static/mesa/crypto/chain.js"
import { Kind } from "../../../static/mesa/crypto/messages.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { PrekeyKind, verifyBundle } from "../../../static/mesa/crypto/prekeys.js"
import { createRecoveryCode, RecoveryKey } from "../../../static/mesa/crypto/recovery.js"
import { beginSession } from "../../../static/mesa/crypto/sessions.js"
import { createFirstStatement } from "../../../static/mesa/crypto/statements.js"
import { dayOf } from "../../../static/mesa/lib/timing.js"
import { Blocking } from "../../../static/mesa/peer/blocking.js"
import { Contacts } from "../../../static/mesa/peer/contacts.js"
import { DeliveryTokens } from "../../../static/mesa/peer/delivery-tokens.js"
import { Handshakes } from "../../../static/mesa/peer/handshakes.js"
import { Inbox } from "../../../static/mesa/peer/inbox.js"
import { Mailbox } from "../../../static/mesa/peer/mailbox.js"
import { Pins } from "../../../static/mesa/peer/pins.js"
import { Posts } from "../../../static/mesa/peer/posts.js"
import { Resets } from "../../../static/mesa/peer/resets.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { openDatabase } from "../../../static/mesa/store/database.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import * as prekeys from "../../../static/mesa/store/prekey-book.js"
import { STEPS } from "../../../static/mesa/store/schema.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import * as showing from "../../../static/mesa/store/showing.js"
import { Store } from "../../../static/mesa/store/store.js"
import { freshName } from "../store/stores.js"
import { FakeServer } from "./fake-server.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

export const DAY = 20_780

/** A wall clock that moves when the test says so. */
export class WallClock {
  ms = DAY * 86_400_000
  now = () => this.ms / 1_000
  unixMs = () => this.ms
  /** Whoever waits has waited long enough at once. */
  isHasty = false

  /** @param {number} _seconds @param {() => void} act */
  after = (_seconds, act) => {
    if (this.isHasty) queueMicrotask(act)
    return () => {}
  }
}

/** @template T @returns {T} what a method fills in later */
const later = () => /** @type {T} */ (/** @type {any} */ (null))

/** One user with one device. */
export class Person {
  /** @type {any[]} */
  events = []
  /** @type {number[]} */
  unreadable = []
  /** @type {number[]} */
  resent = []
  clock = new WallClock()
  name = ""
  chain = /** @type {Bytes} */ (new Uint8Array())
  keys = createDevice(1)
  recovery = /** @type {RecoveryKey} */ (later())
  server = new FakeServer()
  database = /** @type {import("../../../static/mesa/store/database.js").Database} */ (later())
  sealer = /** @type {Sealer} */ (later())
  store = /** @type {Store} */ (later())
  inbox = /** @type {Inbox} */ (later())
  /** What the others need. @type {import("../../../static/mesa/peer/contacts.js").ContactParts} */
  parts = later()
  contacts = /** @type {Contacts} */ (later())
  mailbox = /** @type {Mailbox} */ (later())
  resets = /** @type {Resets} */ (later())
  blocking = /** @type {Blocking} */ (later())
  /** Contacts that asked again and have their yes. @type {number[]} */
  answered = []
  /** What delivery was told. @type {[string, any][]} */
  delivery = []

  /** @param {string} name @param {FakeServer} [server] where the account is made */
  static async make(name, server = new FakeServer()) {
    const person = new Person()
    person.name = name
    person.server = server
    person.recovery = await RecoveryKey.fromCode(createRecoveryCode())
    const statements = [await createFirstStatement(name, person.keys, person.recovery, DAY)]
    person.chain = packChain(statements)
    server.register(name, statements, person.keys.deviceId)
    person.database = await openDatabase(freshName(), STEPS, () => {})
    person.sealer = new Sealer(await createStoreKeys(), 1)
    await person.restart()
    return person
  }

  /** Begins again, as after a crash, with what is in the database. */
  async restart() {
    const { database, sealer, keys, clock } = this
    this.store = new Store(database, sealer, await database.raiseEpoch())
    const { store } = this
    /** @param {any} event */
    const report = (event) => this.events.push(event)
    const api = this.server.api(this.name, keys.deviceId)
    const tokens = new DeliveryTokens(store, api)
    const pins = new Pins({ store, tokens, clock, report })
    const handshakes = new Handshakes({ own: keys, api, store, pins, clock, report })
    const posts = new Posts({ store, api, clock })
    const account = { userName: this.name, chain: this.chain }
    this.parts = { own: keys, account, api, store, tokens, handshakes, posts, pins, clock, report }
    this.inbox = new Inbox({
      store,
      own: keys,
      clock,
      report,
      unreadable: (contact) => this.unreadable.push(contact),
      resend: (contact) => this.resent.push(contact),
      follow: (unit, contact, chain) => pins.follow(unit, contact, chain),
    })
    this.contacts = new Contacts(this.parts)
    const answered = async (/** @type {number} */ contact) => void this.answered.push(contact)
    this.mailbox = new Mailbox({ ...this.parts, inbox: this.inbox, contacts: this.contacts, answered })
    this.resets = new Resets(this.parts, () => 0)
    const delivery = {
      stop: (/** @type {number} */ contact) => void this.delivery.push(["stop", contact]),
      goOn: async (/** @type {number} */ contact) => void this.delivery.push(["goOn", contact]),
      watchContact: (/** @type {Bytes} */ token) => void this.delivery.push(["watch", token]),
    }
    this.blocking = new Blocking({ ...this.parts, contacts: this.contacts, delivery })
  }

  /** Leaves a few prekeys at the server, so that others can begin a session. */
  async comeOnline() {
    const { store, clock, api } = this.parts
    const { SIGNED, LAST_RESORT_KEM, ONE_TIME, ONE_TIME_KEM } = PrekeyKind
    const made = await store.transaction(async (unit) => {
      const kinds = [SIGNED, LAST_RESORT_KEM, ONE_TIME, ONE_TIME, ONE_TIME_KEM, ONE_TIME_KEM]
      const all = []
      for (const kind of kinds) all.push(...(await prekeys.make(unit, kind, 1, dayOf(clock.unixMs()))))
      await prekeys.uploaded(unit, all)
      return all
    })
    const packed = await Promise.all(made.map(async (each) => (await each.public(this.keys)).pack()))
    const [signedPrekey, lastResort, ...rest] = packed
    const [oneTime, oneTimeKem] = [rest.slice(0, 2), rest.slice(2)]
    await api.uploadPrekeys({ signedPrekey, lastResort, oneTime, oneTimeKem })
  }

  /** What is known of another user. @param {Person} other */
  async known(other) {
    const contact = await contacts.findByName(this.store.view, other.name)
    if (!contact) throw new Error(`${this.name} does not know ${other.name}`)
    return contact
  }

  /** Names of the events that were reported. */
  get told() {
    return this.events.map(({ event }) => event)
  }

  /** Makes another user a contact. @param {Person} other @param {Partial<contacts.ContactFields>} [fields] @returns {Promise<number>} */
  async know(other, fields = {}) {
    const about = { userName: other.name, chain: other.chain, state: /** @type {const} */ ("accepted") }
    const token = { theirToken: randomBytes(32) }
    return (await this.store.transaction((unit) => contacts.add(unit, { ...about, ...token, ...fields })))
      .number
  }

  /** Begins a session with another's device, from prekeys of its. @param {Person} other @param {number} contact @param {import("../../../static/mesa/crypto/prekeys.js").Kind} [kind] of the KEM's */
  async begin(other, contact, kind = PrekeyKind.ONE_TIME_KEM) {
    const bundle = await other.store.transaction(async (unit) => {
      const [signed] = await prekeys.make(unit, PrekeyKind.SIGNED, 1, DAY)
      const [kem] = await prekeys.make(unit, kind, 1, DAY)
      const handed = await Promise.all(
        [signed, kem].map(async (each) => (await each.public(other.keys)).pack()),
      )
      return verifyBundle(await other.keys.entry(), { signed: handed[0], kem: handed[1], oneTime: null }, DAY)
    })
    const session = await beginSession(this.keys, bundle, { nowMs: this.clock.unixMs() })
    await this.store.transaction((unit) => sessions.save(unit, contact, session))
  }

  /** Writes and seals a text for the other's device. @param {number} contact @param {string} text @returns {Promise<{number: number, envelope: Bytes}>} */
  write(contact, text) {
    return this.store.transaction(async (unit) => {
      const content = /** @type {const} */ ({ kind: Kind.TEXT, text })
      const stored = await history.write(unit, contact, content, this.clock.unixMs())
      const known = await contacts.get(unit, contact)
      const session = await sessions.choose(
        unit,
        await this.keys.signing.public(),
        known,
        known.devices[0],
        this.clock.unixMs(),
      )
      if (!session) throw new Error("no session")
      return outbox.seal(unit, stored, known.devices[0], session, this.clock.unixMs())
    })
  }

  /** What is shown of a conversation. @param {number} contact */
  async shown(contact) {
    const entries = await showing.conversation(this.store.view, contact, { limit: 100 })
    return entries.map(({ message }) => (message ? /** @type {any} */ (message.content).text : null))
  }
}

/** ada and bo, who know each other; ada has a session with bo. */
export async function couple() {
  const [ada, bo] = await Promise.all([Person.make("ada"), Person.make("bo")])
  const [boToAda, adaToBo] = await Promise.all([ada.know(bo), bo.know(ada)])
  await ada.begin(bo, boToAda)
  return { ada, bo, boToAda, adaToBo }
}

/** People with accounts at one server, each with prekeys there. @param {...string} names */
export async function neighbours(...names) {
  const server = new FakeServer()
  const people = await Promise.all(names.map((name) => Person.make(name, server)))
  await Promise.all(people.map((person) => person.comeOnline()))
  return { server, people }
}

/** Makes contacts of two people, by a request and a yes. @param {Person} ada @param {Person} bo */
export async function befriend(ada, bo) {
  await ada.contacts.request(bo.name)
  await bo.mailbox.empty()
  await bo.contacts.accept(ada.name)
  await ada.mailbox.empty()
}

/** ada and bo, contacts of each other at one server. */
export async function friends() {
  const { server, people } = await neighbours("ada", "bo")
  const [ada, bo] = people
  await befriend(ada, bo)
  return { server, ada, bo }
}
