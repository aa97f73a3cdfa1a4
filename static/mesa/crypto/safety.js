// What a person is told about the keys of a contact: numbers to compare, and why nothing is sent.
// Spec: docs/spec/identity.md, sections "Verdict" and "Safety number"

import { equal } from "../lib/bytes.js"
import { Verdict, judge, readChain } from "./chain.js"
import { CryptoError } from "./errors.js"
import { safetyNumber } from "./safety-number.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").Identity} Identity */
/**
 * What is known of the keys of a contact. `chain` is pinned; `isUnsafe`: keys came up that do not match it; `shown` is
 * the chain that did, empty if it was none.
 *
 * @typedef {{chain: Bytes, shown: Bytes, isUnsafe: boolean}} Pinned
 */
/** @typedef {"other_keys" | "rolled_back" | "forked" | "unreadable" | "wrong_key"} DangerName */

/** Why nothing is sent to a contact. */
export const Danger = Object.freeze({
  OTHER_KEYS: "other_keys",
  ROLLED_BACK: "rolled_back",
  FORKED: "forked",
  UNREADABLE: "unreadable",
  WRONG_KEY: "wrong_key",
})

/** Tells why nothing is sent to a contact; null: nothing is wrong. @param {Pinned} contact @returns {Promise<DangerName | null>} */
export async function dangerOf(contact) {
  if (!contact.isUnsafe) return null
  if (contact.shown.length === 0) return Danger.WRONG_KEY
  const [pinned, shown] = await Promise.all([readChain(contact.chain), shownIdentity(contact)])
  if (shown === null) return Danger.UNREADABLE
  if (!equal(shown.fingerprint, pinned.fingerprint)) return Danger.OTHER_KEYS
  return judge(pinned, shown) === Verdict.ROLLED_BACK ? Danger.ROLLED_BACK : Danger.FORKED
}

/** What the chain says that stands against the pinned one, if it is one. @param {Pinned} contact */
export async function shownIdentity(contact) {
  try {
    return await readChain(contact.shown)
  } catch (error) {
    if (error instanceof CryptoError) return null
    throw error
  }
}

/**
 * The number to compare with a contact, and that of other keys that are shown in their name.
 *
 * @param {Pinned} contact
 * @param {Identity} own
 */
export async function numbersOf(contact, own) {
  const danger = await dangerOf(contact)
  const shown = danger === Danger.OTHER_KEYS ? await shownIdentity(contact) : null
  const safety = await safetyNumber(own, await readChain(contact.chain))
  return { danger, safetyNumber: safety, shownSafetyNumber: shown && (await safetyNumber(own, shown)) }
}

/** The suite of the device that agrees keys in the weakest way. @param {Identity} identity */
export function weakestSuite({ devices }) {
  return devices.reduce((weakest, { suite }) => (suite > weakest ? suite : weakest), devices[0].suite)
}
