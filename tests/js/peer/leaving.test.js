import { leave } from "../../../static/mesa/peer/enrolling.js"
import { Profiles, openStore } from "../../../static/mesa/peer/profiles.js"
import { Database } from "../../../static/mesa/store/database.js"
import { StoreDamaged, StoreFull } from "../../../static/mesa/store/errors.js"
import { assertEqual, assertFails } from "../assert.js"
import { freshName } from "../store/stores.js"

/** ada, who is logged in, and what is left of the databases of the account. */
async function loggedIn() {
  const profiles = new Profiles(freshName())
  const ada = await profiles.add("ada")
  await profiles.setCurrent(ada.number)
  ;(await openStore(ada)).close()
  const desk = /** @type {any} */ ({ profiles, api: { logout: async () => {}, remove: async () => {} } })
  const left = async () =>
    (await indexedDB.databases()).map(({ name }) => name).filter((name) => name === ada.database)
  return { profiles, desk, left }
}

/** Does something while nothing can be written. @template T @param {() => Promise<T>} act @returns {Promise<T>} */
async function onAFullDisk(act) {
  const { commit } = Database.prototype
  Database.prototype.commit = async () => {
    throw new StoreFull()
  }
  return act().finally(() => (Database.prototype.commit = commit))
}

export async function fullDiskIsWipedToo() {
  const { desk, left } = await loggedIn()

  await onAFullDisk(() => leave(desk, { wipe: true })).catch(() => {})

  assertEqual(await left(), [])
}

export async function wipingThatWasInterruptedIsDoneWhenItIsAskedForAgain() {
  const { profiles, desk, left } = await loggedIn()
  const real = indexedDB.deleteDatabase
  indexedDB.deleteDatabase = () => {
    const request = /** @type {any} */ ({ error: null })
    queueMicrotask(() => request.onerror())
    return request
  }
  await assertFails(StoreDamaged, () => leave(desk, { wipe: true })).finally(
    () => (indexedDB.deleteDatabase = real),
  )

  await leave(desk, { wipe: true })

  assertEqual([await left(), (await profiles.all()).length], [[], 0])
}
