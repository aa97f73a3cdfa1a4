// Opens envelopes: finds or begins the session, and says whose message it is. Changes nothing by itself.
// Spec: docs/spec/handshake.md, section "Receiver must"

import { Envelope } from "../crypto/envelopes.js"
import { CryptoError, Downgrade, Replayed, UnknownDevice } from "../crypto/errors.js"
import { Message } from "../crypto/messages.js"
import { acceptSession } from "../crypto/sessions.js"
import { equal } from "../lib/bytes.js"
import * as contacts from "../store/contact-book.js"
import * as prekeys from "../store/prekey-book.js"
import * as sessions from "../store/session-book.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/handshake.js").InitialHeader} InitialHeader */
/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/identity.js").DeviceKeys} DeviceKeys */
/** @typedef {import("../crypto/sessions.js").Session} Session */
/** @typedef {import("../store/store.js").Unit} Unit */

/**
 * A message, and what has to be stored with it.
 *
 * @typedef {object} Opened
 * @property {number | null} contact null for a device that no pinned chain names
 * @property {Session} session
 * @property {Message} message
 * @property {InitialHeader | null} header of a session that began with this message
 * @property {number[]} spent one-time prekeys that it used
 */

/** An envelope does not open. */
export class NotReadable extends Error {
  /**
   * @param {number | null} contact with whom its session is held. Null for an envelope that would begin a session:
   *     whoever knows a contact's public keys can write its header, so it proves nothing (T-07)
   */
  constructor(contact) {
    super("an envelope does not open")
    this.contact = contact
  }
}

/**
 * Opens an envelope; the states it leads to are the caller's to store.
 *
 * @param {Unit} unit
 * @param {DeviceKeys} own
 * @param {Bytes} raw
 * @param {number} nowMs
 * @returns {Promise<Opened>}
 * @throws {NotReadable} for whatever reason
 */
export async function open(unit, own, raw, nowMs) {
  /** @type {number | null} */
  let contact = null
  try {
    const envelope = Envelope.unpack(raw)
    const found = await sessions.find(unit, envelope.sessionId)
    if (!found) return await openFirst(unit, own, envelope, nowMs)
    contact = found.contact
    await requireNamed(unit, contact, found.session.peer)
    await requireGood(unit, found.session.peer.suite)
    const [session, plaintext] = await found.session.decrypt(envelope)
    return { contact, session, message: Message.unpack(plaintext), header: null, spent: [] }
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    // No reset is asked of a device that is gone, or that the user does not want to hear.
    const isUnwanted = error instanceof UnknownDevice || error instanceof Downgrade
    throw new NotReadable(isUnwanted ? null : contact)
  }
}

/** @param {Unit} unit @param {DeviceKeys} own @param {Envelope} envelope @param {number} nowMs @returns {Promise<Opened>} */
async function openFirst(unit, own, envelope, nowMs) {
  const { header } = envelope
  if (header && (await prekeys.isRepeat(unit, header))) throw new Replayed()
  if (header) await requireGood(unit, header.suite)
  const accepted = await acceptSession(own, envelope, (kind, id) => prekeys.find(unit, kind, id), { nowMs })
  const { session, spent } = accepted
  const contact = await ownerOf(unit, session.peer)
  return { contact, session, message: Message.unpack(accepted.plaintext), header, spent }
}

/** Insists that a contact still has the device of a session; its suite may have risen since. @param {Unit} unit @param {number} number @param {DeviceEntry} device @throws {UnknownDevice} it was removed */
async function requireNamed(unit, number, device) {
  const named = (await contacts.get(unit, number)).device(device.deviceId)
  if (!isSame(named, device.withSuite(named.suite))) throw new UnknownDevice()
}

/** Insists on a suite that the user does not refuse. @param {Unit} unit @param {number} suite @throws {Downgrade} */
async function requireGood(unit, suite) {
  if (await sessions.refuses(unit, suite)) throw new Downgrade()
}

/** The contact whose pinned chain names a device that has proven itself. @param {Unit} unit @param {DeviceEntry} device */
async function ownerOf(unit, device) {
  const found = (await contacts.all(unit)).find((each) => names(each, device))
  return found?.number ?? null
}

/** Tells whether a contact's chain names a device, which may have risen since and never fallen. @param {contacts.Contact} contact @param {DeviceEntry} device */
function names(contact, device) {
  if (!contact.hasDevice(device.deviceId)) return false
  const named = contact.device(device.deviceId)
  return device.suite <= named.suite && isSame(named.withSuite(device.suite), device)
}

/** @param {DeviceEntry} one @param {DeviceEntry} other */
function isSame(one, other) {
  return equal(one.pack(), other.pack())
}
