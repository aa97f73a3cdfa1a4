// Private halves of this device's prekeys: made, found, spent, and thrown away when old. Spec: docs/spec/prekeys.md

import { Reader, u64 } from "../crypto/encoding.js"
import { MAX_PREKEY_ID, PrekeyKind, PrivatePrekey, createPrekey } from "../crypto/prekeys.js"
import { randomBytes } from "../crypto/primitives.js"
import { rowKey } from "./store.js"

/** @typedef {import("../crypto/handshake.js").InitialHeader} InitialHeader */
/** @typedef {import("../crypto/prekeys.js").Kind} Kind */
/** @typedef {import("./store.js").Unit} Unit */

const TABLE = "prekeys"
const HEADERS = "firstHeaders"
const NEXT_ID = "nextPrekey"
export const RENEW_DAYS = 7
const KEEP_REPLACED_DAYS = 14
const KEEP_ONE_TIME_DAYS = 90
// Ids rise in random steps. On average 262,144 prekeys use up all ids there are.
const LONGEST_STEP = 2 ** 15
/** @type {Kind[]} */
const LASTING = [PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT_KEM]

/** This device has used up its prekeys: nobody can begin a session with it. */
export class PrekeysUsedUp extends Error {}

/**
 * Makes prekeys with ids above all earlier ones, whose differences tell nothing, and keeps them.
 *
 * @param {Unit} unit
 * @param {Kind} kind
 * @param {number} count
 * @param {number} day
 * @returns {Promise<PrivatePrekey[]>}
 * @throws {PrekeysUsedUp}
 */
export async function make(unit, kind, count, day) {
  const kept = await unit.setting(NEXT_ID)
  let last = kept ? Number(new Reader(kept).u64()) - 1 : 0
  const made = []
  for (let at = 0; at < count; at += 1) {
    last += 1 + (new DataView(randomBytes(2).buffer).getUint16(0) % LONGEST_STEP)
    if (last > MAX_PREKEY_ID) throw new PrekeysUsedUp()
    const prekey = createPrekey(kind, last, day)
    made.push(prekey)
    await put(unit, prekey, 0)
  }
  await unit.setSetting(NEXT_ID, u64(BigInt(last + 1)))
  return made
}

/** Prekeys of a kind, made on that day or later, of which the server never said that it has them. @param {Unit} unit @param {Kind} kind @param {number} sinceDay */
export async function waiting(unit, kind, sinceDay) {
  const prekeys = await all(unit)
  return prekeys
    .filter((each) => !each.isUploaded && each.prekey.kind === kind && each.prekey.day >= sinceDay)
    .map((each) => each.prekey)
}

/** Notes that the server has prekeys. @param {Unit} unit @param {PrivatePrekey[]} prekeys */
export async function uploaded(unit, prekeys) {
  for (const { prekeyId } of prekeys) {
    const row = await unit.get(TABLE, prekeyId)
    if (row) unit.put(TABLE, { ...row, isUploaded: 1 })
  }
}

/** Looks up a prekey by id; one of another kind is none. @param {Unit} unit @param {Kind} kind @param {number} prekeyId @returns {Promise<PrivatePrekey | undefined>} */
export async function find(unit, kind, prekeyId) {
  const row = await unit.get(TABLE, prekeyId)
  const prekey = row && (await open(unit, row))
  return prekey?.kind === kind ? prekey : undefined
}

/** Deletes one-time prekeys for good. @param {Unit} unit @param {number[]} prekeyIds */
export function spend(unit, prekeyIds) {
  for (const prekeyId of prekeyIds) unit.delete(TABLE, prekeyId)
}

/** The prekey of a kind that was made last. @param {Unit} unit @param {Kind} kind @returns {Promise<PrivatePrekey | undefined>} */
export async function newest(unit, kind) {
  const prekeys = await all(unit)
  return prekeys.findLast((each) => each.prekey.kind === kind)?.prekey
}

/** Deletes lasting prekeys 14 days after their successor came, and one-time ones that nobody claims. @param {Unit} unit @param {number} day */
export async function discardOld(unit, day) {
  const prekeys = await all(unit)
  const held = prekeys.filter((each) => each.isUploaded).map((each) => each.prekey)
  for (const { prekey } of prekeys) {
    const isLasting = LASTING.includes(prekey.kind)
    const keptDays = isLasting ? KEEP_REPLACED_DAYS : KEEP_ONE_TIME_DAYS
    if (day - (isLasting ? replacedOn(prekey, held) : prekey.day) <= keptDays) continue
    spend(unit, [prekey.prekeyId])
    const range = IDBKeyRange.only(prekey.prekeyId)
    for (const row of await unit.select(HEADERS, { index: "prekey", range })) unit.delete(HEADERS, row.header)
  }
}

/** Tells whether a first message without one-time prekeys came before. @param {Unit} unit @param {InitialHeader} header */
export async function isRepeat(unit, header) {
  return (await unit.get(HEADERS, await unit.digest(HEADERS, header.pack()))) !== undefined
}

/** Remembers a first message without one-time prekeys, so that it can not be played back. @param {Unit} unit @param {InitialHeader} header */
export async function remember(unit, header) {
  if (!header.isReplayable) return
  const prekey = header.kem ? header.kem.prekeyId : header.signedId
  unit.put(HEADERS, { header: await unit.digest(HEADERS, header.pack()), prekey })
}

/** The day on which the server got the successor of a lasting prekey. @param {PrivatePrekey} prekey @param {PrivatePrekey[]} held */
function replacedOn({ kind, prekeyId }, held) {
  const later = held.filter((each) => each.kind === kind && each.prekeyId > prekeyId)
  return Math.min(Infinity, ...later.map((each) => each.day))
}

/** @param {Unit} unit */
async function all(unit) {
  const rows = await unit.select(TABLE)
  return Promise.all(
    rows.map(async (row) => ({ isUploaded: row.isUploaded === 1, prekey: await open(unit, row) })),
  )
}

/** @param {Unit} unit @param {PrivatePrekey} prekey @param {0 | 1} isUploaded */
async function put(unit, prekey, isUploaded) {
  const record = await unit.seal(TABLE, rowKey(prekey.prekeyId), prekey.pack())
  unit.put(TABLE, { prekey: prekey.prekeyId, isUploaded, record })
}

/** @param {Unit} unit @param {import("./database.js").Row} row */
async function open(unit, { prekey, record }) {
  return PrivatePrekey.unpack(await unit.open(TABLE, rowKey(prekey), record))
}
