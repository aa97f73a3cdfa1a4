// Asks for paths, and says whether one that the server gives may be used: its end must be a device of the pinned contact.
// Spec: docs/spec/transactions.md and docs/spec/identity.md, section "Verdict"

import { CryptoError, NotValidNow, WeakKey } from "../crypto/errors.js"
import { uuidBytes } from "../lib/uuid.js"
import * as contacts from "../store/contact-book.js"
import { StoreFull } from "../store/errors.js"
import { ContactBlocked } from "./errors.js"
import { isOfOneThing } from "./failures.js"
import { makeRoute } from "./route.js"

/** @typedef {import("./courier.js").CourierParts} CourierParts */
/** @typedef {import("./courier.js").PathReady} PathReady */
/** @typedef {import("./route.js").Route} Route */

/**
 * The route of a path; `look`: it leads to a device that has to be looked for; `repath`: another path is to be asked for;
 * `stop`: nothing goes to this contact any more.
 *
 * @param {CourierParts} parts
 * @param {number} number the contact's
 * @param {PathReady} frame
 * @returns {Promise<Route | "look" | "repath" | "stop">}
 */
export async function findRoute(parts, number, frame) {
  const contact = await contacts.get(parts.store.view, number)
  const deviceId = uuidBytes(frame.device)
  if (contact.isClosed) return "stop"
  if (!contact.hasDevice(deviceId)) return "look"
  try {
    const nowS = Math.floor(parts.clock.unixMs() / 1_000)
    return await makeRoute(frame, contact.device(deviceId), nowS)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    return error instanceof NotValidNow || error instanceof WeakKey ? "repath" : block(parts, number)
  }
}

/**
 * Asks for the contact's chain: a path leads to a device that the pinned one does not name. If it is found there, the
 * next path leads to it as well.
 *
 * @param {CourierParts} parts
 * @param {number} number the contact's
 * @param {PathReady} frame
 * @returns {Promise<"repath" | "stop">}
 * @throws {LoginRefused}
 */
export async function lookForDevice(parts, number, frame) {
  const contact = await contacts.get(parts.store.view, number)
  const deviceId = uuidBytes(frame.device)
  try {
    const bundle = await parts.api.claimBundle(contact.userName, null, contact.identity.fingerprint)
    const shown = await parts.pins.serverShows(number, bundle.statements)
    return shown.hasDevice(deviceId) ? "repath" : await block(parts, number)
  } catch (error) {
    if (error instanceof ContactBlocked) return "stop"
    if (!isOfOneThing(error)) throw error
    return "repath"
  }
}

/**
 * Asks the server for a transaction, and says what came of it; `stop`: nothing goes to this contact any more.
 *
 * @param {CourierParts} parts
 * @param {number} contact
 * @param {string} tx
 * @returns {Promise<import("./outbound-table.js").Event | "stop">}
 * @throws {LoginRefused}
 */
export async function askForPath({ store, api, tickets }, contact, tx) {
  try {
    const { isClosed, fields } = await contacts.get(store.view, contact)
    if (isClosed || !fields.theirToken) return "stop"
    await api.startTransaction(tx, fields.theirToken, await tickets())
    return { kind: "startTaken", tx }
  } catch (error) {
    if (error instanceof ContactBlocked) return "stop"
    if (!isOfOneThing(error)) throw error
    return { kind: "startRefused", tx, atLeastS: error.retryAfterS ?? 0 }
  }
}

/** @param {CourierParts} parts @param {number} contact @returns {Promise<"stop">} */
async function block({ pins }, contact) {
  try {
    await pins.block(contact)
  } catch (error) {
    // What can not be kept now comes up again with the next path.
    if (!(error instanceof StoreFull)) throw error
  }
  return "stop"
}
