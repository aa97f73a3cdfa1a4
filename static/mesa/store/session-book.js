// Ratchet sessions, by session id and by contact. Spec: docs/spec/handshake.md, section "Sessions"

import { MAX_SESSIONS, Session, chooseSession } from "../crypto/sessions.js"
import { equal } from "../lib/bytes.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */
/** @typedef {import("../crypto/keys.js").Ed25519Public} Ed25519Public */
/** @typedef {import("./database.js").Row} Row */
/** @typedef {import("./store.js").Unit} Unit */

const TABLE = "sessions"
const REFUSES_SUITE_2 = "refusesSuite2"

/** Tells whether the user wants no session agreed under a suite. @param {Unit} unit @param {number} suite */
export async function refuses(unit, suite) {
  return suite === 2 && (await unit.setting(REFUSES_SUITE_2)) !== undefined
}

/** Keeps whether the user wants no session without ML-KEM. @param {Unit} unit @param {boolean} refuses */
export function refuseSuite2(unit, refuses) {
  return unit.setSetting(REFUSES_SUITE_2, refuses ? new Uint8Array([1]) : undefined)
}

/** Looks up a session and the number of its contact. @param {Unit} unit @param {Bytes} sessionId */
export async function find(unit, sessionId) {
  const row = await unit.get(TABLE, await unit.digest(TABLE, sessionId))
  return row && { contact: /** @type {number} */ (row.contact), session: await open(unit, row) }
}

/**
 * The session to send on, which may be due for renewal.
 *
 * @param {Unit} unit
 * @param {Ed25519Public} own
 * @param {import("./contact-book.js").Contact} contact
 * @param {DeviceEntry} device
 * @param {number} nowMs
 * @returns {Promise<Session | undefined>} none when a new one has to begin first
 */
export async function choose(unit, own, contact, device, nowMs) {
  const sessions = await sessionsWith(unit, contact.number, device.deviceId)
  const { sessionsFromMs } = contact.fields
  const able = sessions.filter((each) => each.startedMs >= sessionsFromMs && !each.isWornOut(nowMs))
  return chooseSession(own, able, nowMs)
}

/** Writes the next state of a session; of too many with one device the oldest goes. @param {Unit} unit @param {number} contact @param {Session} session */
export async function save(unit, contact, session) {
  const key = await unit.digest(TABLE, session.sessionId)
  const isNew = (await unit.get(TABLE, key)) === undefined
  unit.put(TABLE, { session: key, contact, record: await unit.seal(TABLE, key, session.pack()) })
  if (!isNew) return
  const others = await sessionsWith(unit, contact, session.peer.deviceId)
  const older = others.filter((each) => !equal(each.sessionId, session.sessionId))
  older.sort((one, other) => one.startedMs - other.startedMs)
  for (const surplus of older.slice(0, Math.max(0, others.length - MAX_SESSIONS))) await forget(unit, surplus)
}

/** Deletes all sessions with some devices of a contact. @param {Unit} unit @param {number} contact @param {Bytes[]} deviceIds */
export async function forgetDevices(unit, contact, deviceIds) {
  for (const deviceId of deviceIds) {
    for (const session of await sessionsWith(unit, contact, deviceId)) await forget(unit, session)
  }
}

/** Notes that the peer holds a session: its header is sent no more. @param {Unit} unit @param {Bytes} sessionId */
export async function confirm(unit, sessionId) {
  const found = await find(unit, sessionId)
  if (found && !found.session.isEstablished) await save(unit, found.contact, found.session.confirmed())
}

/** @param {Unit} unit @param {number} contact @param {Bytes} deviceId */
async function sessionsWith(unit, contact, deviceId) {
  const rows = await unit.select(TABLE, { index: "contact", range: IDBKeyRange.only(contact) })
  const sessions = await Promise.all(rows.map((row) => open(unit, row)))
  return sessions.filter((each) => equal(each.peer.deviceId, deviceId))
}

/** @param {Unit} unit @param {Session} session */
async function forget(unit, session) {
  unit.delete(TABLE, await unit.digest(TABLE, session.sessionId))
}

/** @param {Unit} unit @param {Row} row */
async function open(unit, { session, record }) {
  return Session.unpack(await unit.open(TABLE, session, record))
}
