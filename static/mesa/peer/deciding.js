// What a user decides about somebody, on what the screen showed then.
// Spec: docs/spec/web-app.md, section "Leader window"

import { ContactBlocked, UsageError } from "./errors.js"
import { acceptNewKeys, markVerified, noteDevices } from "./verifying.js"
import { seenOf } from "./views.js"

/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("./desk.js").DeskParts} DeskParts */
/** @typedef {{seen: string, safetyNumber: string, added: number, removed: number}} Saw of the keys of a contact, in its view */

/**
 * Does what the user has decided.
 *
 * @param {DeskParts} parts
 * @param {Contact} contact
 * @param {string} decision
 * @param {Saw} saw the view of the contact on which it was decided
 * @throws {ContactBlocked} the keys are others by now
 * @throws {UsageError} there is no such decision
 */
export async function decide(parts, contact, decision, saw) {
  const act = DECISIONS[decision]
  if (!act) throw new UsageError(decision)
  await act(parts, contact, saw)
}

/** @type {Record<string, (parts: DeskParts, contact: Contact, saw: Saw) => Promise<unknown>>} */
const DECISIONS = {
  accept: ({ peer }, { userName }) => peer.contacts.accept(userName),
  ignore: ({ peer }, { userName }) => peer.blocking.ignore(userName),
  ask: ({ peer }, { userName, fields }) => peer.contacts.request(userName, { greeting: fields.ownGreeting }),
  block: ({ peer }, { userName }) => peer.blocking.block(userName),
  unblock: ({ peer }, { userName }) => peer.blocking.unblock(userName),
  verify: ({ shared }, { number }, { safetyNumber }) => markVerified(shared, number, safetyNumber),
  noted: ({ shared }, { number }, saw) => noteDevices(shared.store, number, saw),
  "accept-new": (parts, contact, saw) => acceptNew(parts, contact, saw, null),
  "verify-new": (parts, contact, saw) => acceptNew(parts, contact, saw, saw.safetyNumber),
}

/** @param {DeskParts} parts @param {Contact} contact @param {Saw} saw @param {string | null} digits */
async function acceptNew({ shared, peer }, { number, userName, fields }, { seen }, digits) {
  if (seen !== (await seenOf(fields))) throw new ContactBlocked("other_keys")
  await acceptNewKeys(shared, peer.contacts, userName, { seen: fields.shown, digits })
  await peer.delivery.goOn(number)
}
