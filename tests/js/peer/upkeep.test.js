import { LoginRefused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { FULL, REFILL_BELOW, checkLogin, checkPrekeys } from "../../../static/mesa/peer/upkeep.js"
import { u64 } from "../../../static/mesa/crypto/encoding.js"
import { MAX_PREKEY_ID, PrekeyKind } from "../../../static/mesa/crypto/prekeys.js"
import * as prekeys from "../../../static/mesa/store/prekey-book.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { DAY, Person, neighbours } from "./people.js"

const { RENEW_DAYS } = prekeys
const DAY_MS = 86_400_000

/** Two stocks, taken down to some size. @param {Person} person @param {number} size */
function takeDownTo(person, size) {
  for (const device of person.server.user(person.name).devices.values()) {
    device.oneTime.length = device.oneTimeKem.length = size
  }
}

/** ada, whose stock at the server is full. */
async function stocked() {
  const ada = await Person.make("ada")
  await checkPrekeys(ada.parts)
  return ada
}

/** What the server has of a person's. @param {Person} person */
const stockOf = (person) => person.parts.api.prekeyStock()

export async function firstCheckFillsTheServersStock() {
  const ada = await Person.make("ada")

  await checkPrekeys(ada.parts)

  const { signedPrekey, lastResort, oneTime, oneTimeKem } = await stockOf(ada)
  assertEqual([typeof signedPrekey, typeof lastResort, oneTime, oneTimeKem], ["number", "number", FULL, FULL])
  assertEqual(await ada.store.view.count("prekeys"), 2 * FULL + 2)
}

export async function fullStockIsLeftAlone() {
  const ada = await stocked()
  takeDownTo(ada, REFILL_BELOW)
  const uploads = ada.server.count("uploadPrekeys")

  await checkPrekeys(ada.parts)

  assertEqual(ada.server.count("uploadPrekeys"), uploads)
}

export async function oneTimePrekeysAreRefilledWhenTheyBecomeFew() {
  const ada = await stocked()
  takeDownTo(ada, REFILL_BELOW - 1)

  await checkPrekeys(ada.parts)

  const { oneTime, oneTimeKem } = await stockOf(ada)
  assertEqual([oneTime, oneTimeKem], [FULL, FULL])
}

export async function lastingPrekeysAreReplacedEveryWeek() {
  const ada = await stocked()
  const before = await stockOf(ada)
  ada.clock.ms += (RENEW_DAYS - 1) * DAY_MS
  await checkPrekeys(ada.parts)
  assertEqual(await stockOf(ada), before)

  ada.clock.ms += DAY_MS
  await checkPrekeys(ada.parts)

  const { signedPrekey, lastResort } = await stockOf(ada)
  assertEqual(
    [signedPrekey, lastResort].map((id) => Number(id) > Number(before.signedPrekey)),
    [true, true],
  )
  // The private halves of those before serve for two weeks more.
  assertEqual(await ada.store.view.count("prekeys"), 2 * FULL + 4)
}

export async function uploadWhoseAnswerIsLostMakesNoMorePrekeys() {
  const ada = await Person.make("ada")
  ada.server.loseAnswer("uploadPrekeys")
  await assertFails(ServerUnreachable, () => checkPrekeys(ada.parts))
  const before = await stockOf(ada)

  await checkPrekeys(ada.parts)

  assertEqual(await stockOf(ada), before)
  assertEqual(await ada.store.view.count("prekeys"), 2 * FULL + 2)
  // What the server names it has: so their predecessors end in time.
  const rows = await ada.store.view.select("prekeys")
  assertEqual(rows.filter(({ isUploaded }) => isUploaded === 1).length, 2)
}

export async function uploadThatFailsIsOfferedAgain() {
  const ada = await Person.make("ada")
  for (let time = 0; time < 3; time += 1) {
    ada.server.refuse("uploadPrekeys")
    await assertFails(ServerUnreachable, () => checkPrekeys(ada.parts))
  }

  await checkPrekeys(ada.parts)

  assertEqual(await ada.store.view.count("prekeys"), 2 * FULL + 2)
  assertEqual((await stockOf(ada)).oneTime, FULL)
}

export async function stockThatAServerLostIsMadeAnew() {
  const ada = await stocked()
  takeDownTo(ada, 0)
  for (const device of ada.server.user("ada").devices.values()) device.signed = device.lastResort = null

  await checkPrekeys(ada.parts)

  const { signedPrekey, lastResort, oneTime } = await stockOf(ada)
  assertEqual([typeof signedPrekey, typeof lastResort, oneTime], ["number", "number", FULL])
}

export async function replacedPrekeysAreDeletedTwoWeeksAfterTheServerGotTheirSuccessors() {
  const ada = await stocked()
  const { signedPrekey } = await stockOf(ada)
  const held = () => prekeys.find(ada.store.view, PrekeyKind.SIGNED, Number(signedPrekey))
  // What the server never got is no successor.
  await ada.store.transaction((unit) => prekeys.make(unit, PrekeyKind.SIGNED, 1, DAY))
  ada.clock.ms += RENEW_DAYS * DAY_MS
  await checkPrekeys(ada.parts)

  ada.clock.ms += 14 * DAY_MS
  await checkPrekeys(ada.parts)
  assert(await held())
  ada.clock.ms += DAY_MS
  await checkPrekeys(ada.parts)

  assertEqual(await held(), undefined)
}

export async function oneTimePrekeysThatNobodyClaimsAreDeleted() {
  const ada = await stocked()
  ada.clock.ms += 90 * DAY_MS
  await checkPrekeys(ada.parts)
  assert((await ada.store.view.count("prekeys")) > 2 * FULL)

  ada.clock.ms += DAY_MS
  await checkPrekeys(ada.parts)

  assert((await ada.store.view.count("prekeys")) < FULL)
}

export async function deviceThatUsedUpItsPrekeysMakesNoMore() {
  const ada = await Person.make("ada")
  await ada.store.transaction((unit) => unit.setSetting("nextPrekey", u64(BigInt(MAX_PREKEY_ID))))

  await assertFails(prekeys.PrekeysUsedUp, () => checkPrekeys(ada.parts))

  assertEqual([await ada.store.view.count("prekeys"), ada.server.count("uploadPrekeys")], [0, 0])
}

export async function loginOfAnotherDeviceIsNoticed() {
  const { people } = await neighbours("ada", "bo")
  const [ada, bo] = people

  await checkLogin({ own: ada.keys, api: ada.parts.api })
  await assertFails(LoginRefused, () => checkLogin({ own: ada.keys, api: bo.parts.api }))
}
