// Keys that users have compared, and keys that a user takes in the place of others.
// Spec: docs/spec/identity.md, section "Verdict", and docs/spec/agent.md, section "Mailbox and posts"

import { GOOD, Verdict, judge, packChain, readChain, verifyChain } from "../crypto/chain.js"
import { areDigitsOf, safetyNumber } from "../crypto/safety-number.js"
import { numbersOf, shownIdentity } from "../crypto/safety.js"
import { equal } from "../lib/bytes.js"
import * as contacts from "../store/contact-book.js"
import { ContactBlocked, UnknownUser, UsageError } from "./errors.js"
import { unlessRefused } from "./pins.js"

/** @typedef {import("../crypto/identity.js").Identity} Identity */
/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("../store/store.js").Store} Store */
/** @typedef {import("./contacts.js").ContactParts} ContactParts */

/** Looks up a contact, however far the acquaintance has come. @param {Store} store @param {string} userName @returns {Promise<Contact>} @throws {UnknownUser} there is none of that name */
export async function findContact(store, userName) {
  const contact = await contacts.findByName(store.view, contacts.folded(userName))
  if (!contact) throw new UnknownUser()
  return contact
}

/**
 * Keeps that the users have compared their safety number.
 *
 * @param {Pick<ContactParts, "account" | "store">} parts
 * @param {number} number
 * @param {string} digits the number that was compared
 * @returns {Promise<Contact>}
 * @throws {ContactBlocked} it is that of other keys than those that are pinned by now: nothing is kept
 */
export async function markVerified({ account, store }, number, digits) {
  const own = await readChain(account.chain)
  return store.transaction(async (unit) => {
    const { fields } = await contacts.get(unit, number)
    if ((await numbersOf(fields, own)).safetyNumber !== digits) throw new ContactBlocked("other_digits")
    return contacts.change(unit, number, { isVerified: true })
  })
}

/** Keeps that the user has seen which devices came and went; those of meanwhile are still to be told. @param {Store} store @param {number} number @param {{added: number, removed: number}} seen @returns {Promise<Contact>} */
export function noteDevices(store, number, seen) {
  return store.transaction(async (unit) => {
    const { added, removed } = (await contacts.get(unit, number)).fields
    const left = (/** @type {number} */ all, /** @type {number} */ part) => Math.max(0, all - part)
    return contacts.change(unit, number, {
      added: left(added, seen.added),
      removed: left(removed, seen.removed),
    })
  })
}

/**
 * Judges what the server shows as this user's own chain; `keep` gets one that goes on with this device.
 *
 * @param {Pick<ContactParts, "own" | "account" | "api">} parts
 * @param {(chain: Bytes) => Promise<void>} keep
 * @returns {Promise<string>} a verdict
 * @throws {LoginRefused | Refused | ServerUnreachable}
 */
export async function checkOwnIdentity({ own, account, api }, keep) {
  const shown = await unlessRefused(verifyChain(await api.statements()))
  if (!shown) return Verdict.CHANGED
  const verdict = judge(await readChain(account.chain), shown)
  if (!GOOD.includes(verdict)) return verdict
  const entry = (await own.entry()).pack()
  if (!shown.devices.some((each) => equal(each.pack(), entry))) return Verdict.CHANGED
  if (verdict !== Verdict.SAME) await keep(packChain(shown.statements))
  return verdict
}

/**
 * Pins what the server shows for a contact, if it is what the user has seen; a stranger is asked anew.
 *
 * @param {ContactParts} parts
 * @param {import("./contacts.js").Contacts} acquaintance
 * @param {string} userName
 * @param {{seen: Bytes, digits?: string | null}} about digits: the safety number that the user was read; with it, the
 *     new keys count as verified
 * @returns {Promise<Contact>}
 * @throws {ContactBlocked} the server shows other keys by now, or the digits are others: nothing was pinned
 * @throws {UsageError} the contact is blocked, or digits can not decide
 * @throws {UnknownUser | Refused | ServerUnreachable}
 */
export async function acceptNewKeys(parts, acquaintance, userName, { seen, digits = null }) {
  const { account, api, pins, store } = parts
  const known = await findContact(store, userName)
  if (known.fields.isBlocked) throw new UsageError("blocked")
  const asked = (await shownIdentity(known.fields)) ?? known.identity
  const bundle = await api.claimBundle(known.userName, null, asked.fingerprint)
  const shown = await unlessRefused(verifyChain(bundle.statements))
  if (shown?.userName !== known.userName) throw new ContactBlocked(shown ? "not_theirs" : "unreadable")
  const packed = packChain(shown.statements)
  const own = await readChain(account.chain)
  const contact = await store.transaction(async (unit) => {
    // Judged beside the chain that is pinned by now: while the server was asked, it may have gone on.
    const { identity, fields } = await contacts.get(unit, known.number)
    if (fields.isBlocked) throw new UsageError("blocked")
    if (!GOOD.includes(judge(identity, shown)) && !equal(packed, seen)) return null
    if (digits !== null && !(await areTheirs(digits, own, shown, identity)))
      throw new ContactBlocked("other_digits")
    return pins.acceptNew(unit, known.number, shown, { isVerified: digits !== null })
  })
  if (!contact) {
    await pins.block(known.number, packed)
    throw new ContactBlocked("other_keys")
  }
  return contact.state === "asked" ? acquaintance.request(contact.userName) : contact
}

/**
 * Tells whether digits are those of the keys that are shown.
 *
 * @param {string} digits
 * @param {Identity} own
 * @param {Identity} shown
 * @param {Identity} pinned
 * @throws {UsageError} both lists of devices have this number: a thief of a device can write such a list
 */
async function areTheirs(digits, own, shown, pinned) {
  const isGood = GOOD.includes(judge(pinned, shown))
  if (!isGood && equal(shown.fingerprint, pinned.fingerprint)) throw new UsageError("one_number")
  return areDigitsOf(digits, await safetyNumber(own, shown))
}
