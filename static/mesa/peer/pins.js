// Pinned chains: what is shown of a contact is compared with what was found good, and pinned or refused.
// Spec: docs/spec/identity.md, section "Verdict"

import { GOOD, Verdict, judge, packChain, readChain, verifyChain } from "../crypto/chain.js"
import { CryptoError } from "../crypto/errors.js"
import { fromHex, equal, toHex } from "../lib/bytes.js"
import * as contacts from "../store/contact-book.js"
import * as history from "../store/history.js"
import * as outbox from "../store/outbox.js"
import * as sessions from "../store/session-book.js"
import { ContactBlocked } from "./errors.js"

/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/identity.js").Identity} Identity */
/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("../store/contact-book.js").ContactFields} ContactFields */
/** @typedef {import("../store/store.js").Unit} Unit */

/**
 * @typedef {object} PinsParts
 * @property {import("../store/store.js").Store} store
 * @property {import("./delivery-tokens.js").DeliveryTokens} tokens
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(event: object) => void} report
 */

// 64 of the longest statements.
const MAX_CHAIN_BYTES = 32_768
const NO_CHAIN = new Uint8Array(1)

/** The chains of contacts, and the one place that changes them. */
export class Pins {
  #parts

  /** @param {PinsParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /**
   * Follows the chain that the server shows today for a contact.
   *
   * @param {number} number
   * @param {Bytes[]} statements
   * @returns {Promise<Contact>}
   * @throws {ContactBlocked} it does not continue the pinned one, or one before did not; nothing is sent
   */
  async serverShows(number, statements) {
    const shown = await unlessRefused(verifyChain(statements))
    const told = await this.#parts.store.transaction(async (unit) => {
      const contact = await contacts.get(unit, number)
      const verdict = shown && judge(contact.identity, shown)
      if (!shown || !verdict || !GOOD.includes(verdict)) return markUnsafe(unit, contact, packed(statements))
      return verdict === Verdict.SAME ? [] : [await this.#pin(unit, contact, shown)]
    })
    told.forEach(this.#parts.report)
    const contact = await contacts.get(this.#parts.store.view, number)
    // Whatever is shown by now, the user has not decided yet.
    if (contact.fields.isUnsafe) throw new ContactBlocked("unsafe")
    return contact
  }

  /**
   * Follows a chain inside a message of a contact, which may be older than the pinned one: messages wait.
   *
   * @param {Unit} unit
   * @param {number} number
   * @param {Bytes} chain
   * @returns {Promise<{fits: boolean, news: object[]}>} news: what to report after the commit
   */
  async follow(unit, number, chain) {
    const contact = await contacts.get(unit, number)
    const shown = await unlessRefused(readChain(chain))
    if (!shown) return { fits: false, news: [] }
    const verdict = judge(contact.identity, shown)
    if (verdict === Verdict.SAME || verdict === Verdict.ROLLED_BACK) return { fits: true, news: [] }
    if (GOOD.includes(verdict)) return { fits: true, news: [await this.#pin(unit, contact, shown)] }
    return { fits: false, news: await markUnsafe(unit, contact, chain) }
  }

  /** Sends nothing to a contact until the user decides; `shown` is the chain that stands against the pin. @param {number} number @param {Bytes} [shown] */
  async block(number, shown = new Uint8Array()) {
    const { store, report } = this.#parts
    const news = await store.transaction(async (unit) =>
      markUnsafe(unit, await contacts.get(unit, number), shown),
    )
    news.forEach(report)
  }

  /**
   * Pins what the user has decided for, and begins all sessions anew.
   *
   * Somebody with another statement 0 is a stranger: what the one before was given ends. So it does where no device is
   * left that it was given to.
   *
   * @param {Unit} unit
   * @param {number} number
   * @param {Identity} shown
   * @param {{isVerified: boolean}} about
   * @returns {Promise<Contact>}
   */
  async acceptNew(unit, number, shown, { isVerified }) {
    const { identity } = await contacts.get(unit, number)
    const isStranger = !equal(shown.fingerprint, identity.fingerprint)
    const ids = identity.devices.map((device) => device.deviceId)
    await sessions.forgetDevices(unit, number, ids)
    await outbox.unsealAll(unit, number)
    return contacts.change(unit, number, {
      ...{ chain: packChain(shown.statements), isUnsafe: false, shown: new Uint8Array(), isVerified },
      ...{ added: 0, removed: 0 },
      ...(isStranger ? { state: /** @type {const} */ ("asked"), theirToken: null, owesYes: false } : {}),
      ...(isStranger || !haveSameKey(identity, shown) ? await this.#takeBack(unit, number) : {}),
    })
  }

  /** Pins a chain that continues the pinned one; what was meant for devices that are gone goes, too. @param {Unit} unit @param {Contact} contact @param {Identity} shown */
  async #pin(unit, { number, identity, userName, fields }, shown) {
    const [before, after] = [byId(identity), byId(shown)]
    const gone = [...before.keys()].filter((id) => !after.has(id))
    const stayed = [...before.keys()].filter((id) => after.has(id))
    const added = [...after.keys()].filter((id) => !before.has(id))
    const hasRisen = stayed.some((id) => suiteOf(after, id) < suiteOf(before, id))
    await sessions.forgetDevices(unit, number, gone.map(fromHex))
    if (gone.length > 0 || hasRisen) await outbox.unsealAll(unit, number)
    // Sessions under the weaker suite are for receiving only from here on.
    const fromMs = hasRisen
      ? Math.max(fields.sessionsFromMs, this.#parts.clock.unixMs())
      : fields.sessionsFromMs
    await contacts.change(unit, number, {
      ...{ chain: packChain(shown.statements), sessionsFromMs: fromMs },
      ...{ added: fields.added + added.length, removed: fields.removed + gone.length },
      ...(stayed.length === 0 ? await this.#takeBack(unit, number) : {}),
    })
    return { event: "contact_renewed", user: userName, added: added.length, removed: gone.length }
  }

  /** Ends what devices were given that are gone: whoever has them has it, and those of now have nothing of before. @param {Unit} unit @param {number} number @returns {Promise<Partial<ContactFields>>} what changes */
  async #takeBack(unit, number) {
    await this.#parts.tokens.end(unit, number)
    return { myToken: null, knowsFrom: await history.nextNumber(unit, number) }
  }
}

/** @param {Unit} unit @param {Contact} contact @param {Bytes} shown @returns {Promise<object[]>} */
async function markUnsafe(unit, { number, userName, fields }, shown) {
  await contacts.change(unit, number, { isUnsafe: true, shown: shown.length > 0 ? shown : fields.shown })
  return fields.isUnsafe ? [] : [{ event: "contact_unsafe", user: userName }]
}

/** What a chain says; null if it is none. @param {Promise<Identity>} reading */
export async function unlessRefused(reading) {
  try {
    return await reading
  } catch (error) {
    if (error instanceof CryptoError) return null
    throw error
  }
}

/** What the server showed in place of a chain, to be kept as far as it is not too long for one. @param {Bytes[]} statements */
function packed(statements) {
  try {
    return packChain(statements).slice(0, MAX_CHAIN_BYTES)
  } catch (error) {
    if (error instanceof CryptoError) return NO_CHAIN
    throw error
  }
}

/** @param {Identity} identity @returns {Map<string, DeviceEntry>} */
function byId({ devices }) {
  return new Map(devices.map((device) => [toHex(device.deviceId), device]))
}

/** @param {Map<string, DeviceEntry>} devices @param {string} id */
function suiteOf(devices, id) {
  return /** @type {DeviceEntry} */ (devices.get(id)).suite
}

/** Compares what only devices themselves can sign with: anybody can name an id. @param {Identity} one @param {Identity} other */
function haveSameKey(one, other) {
  return one.devices.some(({ signing }) => other.devices.some((each) => equal(each.signing.raw, signing.raw)))
}
