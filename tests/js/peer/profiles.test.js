import { createDevice } from "../../../static/mesa/crypto/identity.js"
import { packChain } from "../../../static/mesa/crypto/chain.js"
import { RecoveryKey, createRecoveryCode } from "../../../static/mesa/crypto/recovery.js"
import { createFirstStatement } from "../../../static/mesa/crypto/statements.js"
import { loadAccount, saveAccount, statementsOf } from "../../../static/mesa/peer/account.js"
import * as choices from "../../../static/mesa/peer/choices.js"
import { Profiles, openStore } from "../../../static/mesa/peer/profiles.js"
import { LeadershipLost } from "../../../static/mesa/store/errors.js"
import { openDatabase } from "../../../static/mesa/store/database.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { freshName } from "../store/stores.js"

export async function accountsAreListedByNameAndNumber() {
  const profiles = new Profiles(freshName())
  const ada = await profiles.add("ada")
  await profiles.add("bo")

  assertEqual((await profiles.find("ada"))?.number, ada.number)
  assertEqual((await profiles.all()).map(({ userName }) => userName).sort(), ["ada", "bo"])
  assert(/^mesa-[0-9a-f]{16}$/.test(ada.database))
}

export async function listHoldsNoNameAndNoKeyThatAScriptCouldRead() {
  const list = freshName()
  await new Profiles(list).add("ada")

  const database = await openDatabase(list, [() => {}], () => {})
  const [row] = await database.select("profiles", {})
  database.close()

  assertEqual(Object.keys(row).sort(), ["database", "keys", "profile", "record"])
  assert(!new TextDecoder("latin1").decode(row.record).includes("ada"))
  for (const key of Object.values(row.keys)) {
    assert(key instanceof CryptoKey && !key.extractable)
    await assertFails(DOMException, () => crypto.subtle.exportKey("raw", key))
  }
}

export async function oneAccountIsLoggedIn() {
  const list = freshName()
  const profiles = new Profiles(list)
  const [ada, bo] = [await profiles.add("ada"), await profiles.add("bo")]
  assertEqual(await profiles.current(), undefined)

  await profiles.setCurrent(ada.number)
  await profiles.setCurrent(bo.number)
  assertEqual((await new Profiles(list).current())?.userName, "bo")
  await profiles.setCurrent(null)

  assertEqual(await profiles.current(), undefined)
}

export async function windowsThatWriteAtOnceLoseNothing() {
  const list = freshName()
  const names = ["a1", "a2", "a3", "a4", "a5"]

  await Promise.all(names.map((name) => new Profiles(list).add(name)))

  assertEqual((await new Profiles(list).all()).map(({ userName }) => userName).sort(), names)
}

export async function forgottenAccountLeavesNothing() {
  const profiles = new Profiles(freshName())
  const ada = await profiles.add("ada")
  await profiles.setCurrent(ada.number)
  ;(await openStore(ada)).close()

  await profiles.forget(ada)

  assertEqual([await profiles.all(), await profiles.current()], [[], undefined])
  assert((await indexedDB.databases()).every(({ name }) => name !== ada.database))
}

export async function windowThatStandsStillKeepsNothingThatCanBeRead() {
  const list = freshName()
  const profiles = new Profiles(list)
  const ada = await profiles.add("ada")
  ;(await openStore(ada)).close()
  // It does not hear that it is to let go.
  const held = await opened(ada.database)

  await profiles.forget(ada)

  assertEqual([await profiles.all(), await profiles.find("ada")], [[], undefined])
  const rows = await openDatabase(list, [() => {}], () => {})
  assertEqual(await rows.select("profiles", {}), [{ profile: ada.number, database: ada.database }])
  held.close()
  await new Profiles(list).deleteForgotten()
  assertEqual(await rows.select("profiles", {}), [])
  assert((await indexedDB.databases()).every(({ name }) => name !== ada.database))
}

export async function accountIsReadAsItWasWritten() {
  const profile = await new Profiles(freshName()).add("ada")
  const device = createDevice(2)
  const recovery = await RecoveryKey.fromCode(createRecoveryCode())
  const statement = await createFirstStatement("ada", device, recovery, 20_000)
  const store = await openStore(profile)
  assertEqual(await loadAccount(store.view), undefined)
  await store.transaction((unit) =>
    saveAccount(unit, { userName: "ada", device, chain: packChain([statement]) }),
  )
  store.close()

  const account = await loadAccount((await openStore(profile)).view)

  assert(account)
  assertEqual([account.userName, account.device.pack(), account.device.suite], ["ada", device.pack(), 2])
  assertEqual(statementsOf(account), [statement])
}

export async function laterLeaderStopsTheEarlier() {
  const profile = await new Profiles(freshName()).add("ada")
  const earlier = await openStore(profile)
  await openStore(profile)

  await assertFails(LeadershipLost, () => earlier.transaction((unit) => choices.chooseForwards(unit, true)))
}

export async function choicesAreKept() {
  const profile = await new Profiles(freshName()).add("ada")
  const store = await openStore(profile)
  assertEqual(
    [await choices.forwards(store.view, true), await choices.forwards(store.view, false)],
    [true, false],
  )

  await store.transaction((unit) => choices.chooseForwards(unit, false))
  await store.transaction((unit) => choices.chooseTurnOnly(unit, true))
  assertEqual([await choices.forwards(store.view, true), await choices.isTurnOnly(store.view)], [false, true])
  await store.transaction((unit) => choices.chooseTurnOnly(unit, false))

  assertEqual(await choices.isTurnOnly(store.view), false)
}

export async function accountThatIsForgottenLogsOutNoOther() {
  const profiles = new Profiles(freshName())
  const [ada, bo] = [await profiles.add("ada"), await profiles.add("bo")]
  await profiles.setCurrent(bo.number)

  await profiles.forget(ada)

  assertEqual([(await profiles.current())?.userName, (await profiles.all()).length], ["bo", 1])
}

export async function deviceThatForwardsThoughItIsAPhoneDoesSoByChoice() {
  const store = await openStore(await new Profiles(freshName()).add("ada"))

  await store.transaction((unit) => choices.chooseForwards(unit, true))

  assertEqual(await choices.forwards(store.view, false), true)
}

/** @param {string} name @returns {Promise<IDBDatabase>} */
function opened(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
