// Two devices whose users are contacts of each other, each with a store of its own.

import { Sealer, createStoreKeys } from "../../../static/mesa/crypto/at-rest.js"
import { packChain } from "../../../static/mesa/crypto/chain.js"
import { Kind } from "../../../static/mesa/crypto/messages.js"
import { randomBytes } from "../../../static/mesa/crypto/primitives.js"
import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { PrekeyKind, verifyBundle } from "../../../static/mesa/crypto/prekeys.js"
import { createRecoveryCode, RecoveryKey } from "../../../static/mesa/crypto/recovery.js"
import { beginSession } from "../../../static/mesa/crypto/sessions.js"
import { createFirstStatement } from "../../../static/mesa/crypto/statements.js"
import { Inbox } from "../../../static/mesa/peer/inbox.js"
import * as contacts from "../../../static/mesa/store/contact-book.js"
import { openDatabase } from "../../../static/mesa/store/database.js"
import * as history from "../../../static/mesa/store/history.js"
import * as outbox from "../../../static/mesa/store/outbox.js"
import * as prekeys from "../../../static/mesa/store/prekey-book.js"
import { STEPS } from "../../../static/mesa/store/schema.js"
import * as sessions from "../../../static/mesa/store/session-book.js"
import { Store } from "../../../static/mesa/store/store.js"
import { freshName } from "../store/stores.js"

/** @typedef {import("../../../static/mesa/lib/bytes.js").Bytes} Bytes */

const DAY = 20_780

/** A wall clock that moves when the test says so. */
export class WallClock {
  ms = DAY * 86_400_000
  now = () => this.ms / 1_000
  unixMs = () => this.ms
  after = () => () => {}
}

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
  database = /** @type {import("../../../static/mesa/store/database.js").Database} */ (
    /** @type {any} */ (null)
  )
  sealer = /** @type {Sealer} */ (/** @type {any} */ (null))
  store = /** @type {Store} */ (/** @type {any} */ (null))
  inbox = /** @type {Inbox} */ (/** @type {any} */ (null))

  /** @param {string} name */
  static async make(name) {
    const person = new Person()
    person.name = name
    person.keys = createDevice(1)
    const recovery = await RecoveryKey.fromCode(createRecoveryCode())
    person.chain = packChain([await createFirstStatement(name, person.keys, recovery, DAY)])
    person.database = await openDatabase(freshName(), STEPS, () => {})
    person.sealer = new Sealer(await createStoreKeys(), 1)
    await person.restart()
    return person
  }

  /** Begins again, as after a crash, with what is in the database. */
  async restart() {
    const { database, sealer, keys, clock } = this
    this.store = new Store(database, sealer, await database.raiseEpoch())
    this.inbox = new Inbox({
      store: this.store,
      own: keys,
      clock,
      report: (event) => this.events.push(event),
      unreadable: (contact) => this.unreadable.push(contact),
      resend: (contact) => this.resent.push(contact),
      follow: async () => ({ fits: true, news: [] }),
    })
  }

  /** Makes another user a contact. @param {Person} other @param {Partial<contacts.ContactFields>} [fields] @returns {Promise<number>} */
  async know(other, fields = {}) {
    const about = { userName: other.name, chain: other.chain, state: /** @type {const} */ ("accepted") }
    const token = { theirToken: randomBytes(32) }
    return (await this.store.transaction((unit) => contacts.add(unit, { ...about, ...token, ...fields })))
      .number
  }

  /** Begins a session with another's device, from prekeys of its. @param {Person} other @param {number} contact */
  async begin(other, contact) {
    const bundle = await other.store.transaction(async (unit) => {
      const [signed] = await prekeys.make(unit, PrekeyKind.SIGNED, 1, DAY)
      const [kem] = await prekeys.make(unit, PrekeyKind.ONE_TIME_KEM, 1, DAY)
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
    const entries = await history.conversation(this.store.view, contact, { limit: 100 })
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
