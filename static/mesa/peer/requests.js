// Contact requests of others: whom they are from, and what they change here.
// Spec: docs/spec/messages.md, kind 2

import { GOOD, Verdict, judge, splitChain, verifyChain } from "../crypto/chain.js"
import { Kind } from "../crypto/messages.js"
import { equal } from "../lib/bytes.js"
import * as contacts from "../store/contact-book.js"
import { UnknownUser } from "./errors.js"
import { keepOpened } from "./inbox.js"
import { open } from "./opening.js"
import { unlessRefused } from "./pins.js"

/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/identity.js").Identity} Identity */
/** @typedef {import("../crypto/messages.js").ContactRequest} ContactRequest */
/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("../store/contact-book.js").ContactFields} ContactFields */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./contacts.js").ContactParts} ContactParts */
/** @typedef {import("./opening.js").Opened} Opened */

/** The identity in a request, if the handshake proved one of its devices and it could have that name. @param {Opened} opened @returns {Promise<Identity | null>} */
export async function claimedIdentity({ message, session }) {
  const { content } = message
  if (content.kind !== Kind.CONTACT_REQUEST) return null
  const identity = await unlessRefused(read(content.chain))
  if (!identity || !isNamed(identity.devices, session.peer)) return null
  // The server's rule for names, which a chain alone does not keep: a name must not look like a contact's.
  return contacts.isUserName(identity.userName) ? identity : null
}

/**
 * Tells whether the server knows a user by this chain or a later one, with this device.
 *
 * @param {import("./api.js").Api} api
 * @param {Identity} identity
 * @param {DeviceEntry} device
 * @returns {Promise<boolean>}
 * @throws {Refused | ServerUnreachable}
 */
export async function isAtServer(api, identity, device) {
  try {
    const { statements } = await api.claimBundle(identity.userName, null, identity.fingerprint)
    const held = await unlessRefused(verifyChain(statements))
    if (!held) return false
    const verdict = judge(identity, held)
    // An older one is no proof against the request; it stands against the pin at the next claim.
    return verdict === Verdict.ROLLED_BACK || (GOOD.includes(verdict) && isNamed(held.devices, device))
  } catch (error) {
    if (error instanceof UnknownUser) return false
    throw error
  }
}

/**
 * Keeps whoever asks, and what the request was opened with.
 *
 * @param {Pick<ContactParts, "own" | "clock" | "pins">} parts
 * @param {Unit} unit
 * @param {Bytes} envelope
 * @returns {Promise<{contact: Contact | null, news: object[]}>} no contact for one who is blocked, or does not fit the
 *     chain pinned before, or a device that was removed; news: what to report after the commit
 * @throws {NotReadable} it does not open
 */
export async function takeIn(parts, unit, envelope) {
  const opened = await open(unit, parts.own, envelope, parts.clock.unixMs())
  const identity = await claimedIdentity(opened)
  if (!identity) return { contact: null, news: [] }
  const content = /** @type {ContactRequest} */ (opened.message.content)
  const met = await meet(parts, unit, identity, content, opened.session.peer)
  if (met.contact) await keepOpened(unit, met.contact.number, opened)
  return met
}

/** @param {Pick<ContactParts, "pins">} parts @param {Unit} unit @param {Identity} identity @param {ContactRequest} content @param {DeviceEntry} device */
async function meet({ pins }, unit, { userName }, { chain, token, greeting }, device) {
  /** @type {object[]} */
  const news = []
  const before = await contacts.findByName(unit, userName)
  if (before?.fields.isBlocked) return { contact: null, news }
  const known = before ?? (await contacts.add(unit, { userName, state: "asking", chain }))
  if (before) {
    const followed = await pins.follow(unit, known.number, chain)
    news.push(...followed.news)
    const { devices } = await contacts.get(unit, known.number)
    if (!followed.fits || !isNamed(devices, device)) return { contact: null, news }
  }
  const { changes, event } = answerTo(known)
  if (event) news.push({ event, user: userName })
  return {
    contact: await contacts.change(unit, known.number, { theirToken: token, greeting, ...changes }),
    news,
  }
}

/** What a request means for the one who asks, and what is told of it. @param {Contact} known @returns {{changes: Partial<ContactFields>, event?: string}} */
function answerTo({ state, fields }) {
  // Both asked. Whether ours was taken in is not known: under keys that they doubt it is dropped.
  if (state === "asked") return { changes: { state: "accepted", owesYes: true }, event: "contact_added" }
  // Our yes got lost, or was made on the other side's earlier state, or their devices are others.
  if (state === "accepted") return { changes: { owesYes: true } }
  return { changes: {}, event: fields.isIgnored ? undefined : "contact_asked" }
}

/** @param {Bytes} chain */
async function read(chain) {
  return verifyChain(splitChain(chain))
}

/** @param {DeviceEntry[]} devices @param {DeviceEntry} device */
function isNamed(devices, device) {
  return devices.some((each) => equal(each.pack(), device.pack()))
}
