// Keeps the server's stock of this device's prekeys fresh and full. Spec: docs/spec/prekeys.md

import { PrekeyKind } from "../crypto/prekeys.js"
import { equal } from "../lib/bytes.js"
import { dayOf } from "../lib/timing.js"
import { LoginRefused } from "./errors.js"
import * as prekeys from "../store/prekey-book.js"

/** @typedef {import("../crypto/prekeys.js").Kind} Kind */
/** @typedef {import("../crypto/prekeys.js").PrivatePrekey} PrivatePrekey */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {{signed: PrivatePrekey[], lastResort: PrivatePrekey[], oneTime: PrivatePrekey[], oneTimeKem: PrivatePrekey[]}} Missing */

/**
 * @typedef {object} UpkeepParts
 * @property {import("../crypto/identity.js").DeviceKeys} own
 * @property {import("./api.js").Api} api
 * @property {import("../store/store.js").Store} store
 * @property {import("../lib/timing.js").Clock} clock
 */

export const FULL = 50
export const REFILL_BELOW = 20
// A server compares days of uploads with its own, and clocks differ.
const OFFERED_AGAIN_DAYS = 1
// What was offered again may be there already, and adds nothing: then a second look finds what is missing.
const LOOKS = 2

/** Insists that the browser's login, which other pages of it may change, is this device's. @param {Pick<UpkeepParts, "own" | "api">} parts @throws {LoginRefused | ServerUnreachable | Refused} */
export async function checkLogin({ own, api }) {
  const { device } = await api.me()
  if (!equal(device, own.deviceId)) throw new LoginRefused()
}

/**
 * Brings the server's stock up to date; private halves are stored before public ones are uploaded.
 *
 * @param {UpkeepParts} parts
 * @throws {ServerUnreachable | Refused} as it was, until the next check; what was made is offered again then
 * @throws {PrekeysUsedUp} this device can make no more
 */
export async function checkPrekeys(parts) {
  const { api, store, clock } = parts
  for (let look = 0; look < LOOKS; look += 1) {
    const stock = await api.prekeyStock()
    const today = dayOf(clock.unixMs())
    const missing = await store.transaction((unit) => findMissing(unit, stock, today))
    const made = Object.values(missing).flat()
    if (made.length === 0) return
    await api.uploadPrekeys(await packed(parts, missing))
    await store.transaction((unit) => prekeys.uploaded(unit, made))
  }
}

/** @param {Unit} unit @param {import("./api.js").PrekeyStock} stock @param {number} today @returns {Promise<Missing>} */
async function findMissing(unit, stock, today) {
  await noteStanding(unit, [stock.signedPrekey, stock.lastResort])
  await prekeys.discardOld(unit, today)
  return {
    signed: await lasting(unit, PrekeyKind.SIGNED, stock.signedPrekey, today),
    lastResort: await lasting(unit, PrekeyKind.LAST_RESORT_KEM, stock.lastResort, today),
    oneTime: await oneTime(unit, PrekeyKind.ONE_TIME, stock.oneTime, today),
    oneTimeKem: await oneTime(unit, PrekeyKind.ONE_TIME_KEM, stock.oneTimeKem, today),
  }
}

/** Notes that the server has what it names, though the answer to its upload got lost. @param {Unit} unit @param {(number | null)[]} standing */
async function noteStanding(unit, standing) {
  const kinds = [PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT_KEM]
  for (const [at, id] of standing.entries()) {
    const prekey = id === null ? undefined : await prekeys.find(unit, kinds[at], id)
    if (prekey) await prekeys.uploaded(unit, [prekey])
  }
}

/** The prekey to put in the place of the server's, if that is to be replaced. @param {Unit} unit @param {Kind} kind @param {number | null} atServer @param {number} today */
async function lasting(unit, kind, atServer, today) {
  const newest = await prekeys.newest(unit, kind)
  const isThere = newest?.prekeyId === atServer
  const goodForDays = isThere ? prekeys.RENEW_DAYS - 1 : OFFERED_AGAIN_DAYS
  const age = newest ? today - newest.day : Infinity
  if (!newest || age < -OFFERED_AGAIN_DAYS || age > goodForDays) return prekeys.make(unit, kind, 1, today)
  return isThere ? [] : [newest]
}

/** @param {Unit} unit @param {Kind} kind @param {number} atServer @param {number} today */
async function oneTime(unit, kind, atServer, today) {
  if (atServer >= REFILL_BELOW) return []
  // Those first of which no answer told: an upload that fails again and again makes no more of them.
  const count = FULL - atServer
  const waiting = (await prekeys.waiting(unit, kind, today - OFFERED_AGAIN_DAYS)).slice(0, count)
  return [...waiting, ...(await prekeys.make(unit, kind, count - waiting.length, today))]
}

/** @param {UpkeepParts} parts @param {Missing} missing @returns {Promise<import("./api.js").PrekeyUpload>} */
async function packed({ own }, { signed, lastResort, oneTime, oneTimeKem }) {
  /** @param {PrivatePrekey[]} made */
  const pack = (made) => Promise.all(made.map(async (each) => (await each.public(own)).pack()))
  const [[signedPrekey = null], [lasting = null], ...stocks] = await Promise.all(
    [signed, lastResort, oneTime, oneTimeKem].map(pack),
  )
  return { signedPrekey, lastResort: lasting, oneTime: stocks[0], oneTimeKem: stocks[1] }
}
