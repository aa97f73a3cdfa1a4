// Gives a message its sealed form for a device: the one it has, or a new one after days without an answer.
// Spec: docs/spec/outbox.md, section "Sealed forms", and docs/spec/handshake.md, section "Sessions"

import * as contacts from "../store/contact-book.js"
import * as history from "../store/history.js"
import * as outbox from "../store/outbox.js"
import { Refused } from "./errors.js"

/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../store/outbox.js").Sealed} Sealed */
/** @typedef {import("../store/store.js").Unit} Unit */

// Longer than most receivers are away; short against the two weeks for which they hold what follows.
const GIVEN_UP_AFTER_MS = 3 * 86_400_000

/**
 * @typedef {object} SealerParts
 * @property {import("../store/store.js").Store} store
 * @property {import("./handshakes.js").Handshakes} handshakes
 * @property {import("../lib/timing.js").Clock} clock
 */

/**
 * The form in which a contact's device gets a message.
 *
 * @param {SealerParts} parts
 * @param {number} contact
 * @param {number} number
 * @param {DeviceEntry} device
 * @returns {Promise<Sealed>}
 * @throws {ContactBlocked} the server shows another chain for this contact than the pinned one
 * @throws {Refused} there are no usable prekeys, or the session can not send yet
 * @throws {ServerUnreachable}
 */
export async function sealed(parts, contact, number, device) {
  const { store, handshakes, clock } = parts
  const known = await outbox.find(store.view, contact, number, device)
  if (known && !isGivenUp(known, clock)) return known
  if (known) await beginAnew(parts, contact, device, known)
  else await handshakes.sessionWith(contact, device)
  return store.transaction(async (unit) => {
    // While the server was asked, another task may have sealed it.
    const meanwhile = await outbox.find(unit, contact, number, device)
    if (meanwhile) return meanwhile
    const receiver = await contacts.get(unit, contact)
    const session = await handshakes.atHand(unit, receiver, device)
    if (!session) throw new Refused("no_session")
    const stored = await followable(unit, receiver, await history.get(unit, contact, number))
    return outbox.seal(unit, stored, device, session, clock.unixMs())
  })
}

/** Whether nobody has answered what was sealed for so long that it is to be sealed anew. @param {Sealed} form @param {import("../lib/timing.js").Clock} clock */
export function isGivenUp({ sealedMs }, clock) {
  return clock.unixMs() - sealedMs >= GIVEN_UP_AFTER_MS
}

/** Seals a message in the unit that stores it, if a session is at hand: one commit less. @param {SealerParts} parts @param {Unit} unit @param {import("../store/history.js").Stored} stored @param {DeviceEntry} device @returns {Promise<Sealed | null>} */
export async function sealAtOnce({ handshakes, clock }, unit, stored, device) {
  const contact = await contacts.get(unit, stored.contact)
  const session = await handshakes.atHand(unit, contact, device)
  if (!session) return null
  return outbox.seal(unit, await followable(unit, contact, stored), device, session, clock.unixMs())
}

/** @param {Unit} unit @param {contacts.Contact} contact @param {import("../store/history.js").Stored} stored */
async function followable(unit, { fields }, stored) {
  return fields.knowsFrom > 1 ? history.followable(unit, stored, fields.knowsFrom) : stored
}

/**
 * Begins a session after a form was sealed that nobody receipted; all forms of before are forgotten.
 *
 * Nothing is forgotten before there is such a session, and one that is there is not begun again: whoever swallows
 * receipts, or can not open what comes, causes one handshake in three days.
 *
 * @param {SealerParts} parts
 * @param {number} contact
 * @param {DeviceEntry} device
 * @param {Sealed} known
 */
async function beginAnew({ store, handshakes }, contact, device, known) {
  const fromMs = known.sealedMs + 1
  await handshakes.sessionWith(contact, device, { isLastingOnly: true, fromMs })
  await store.transaction(async (unit) => {
    const { sessionsFromMs } = (await contacts.get(unit, contact)).fields
    await contacts.change(unit, contact, { sessionsFromMs: Math.max(sessionsFromMs, fromMs) })
    await outbox.unsealAll(unit, contact)
  })
}
