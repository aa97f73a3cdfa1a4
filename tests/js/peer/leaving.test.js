import { confirmRecoveryCode, forgetHere, leave } from "../../../static/mesa/peer/enrolling.js"
import { LoginRefused, ServerUnreachable } from "../../../static/mesa/peer/errors.js"
import { channelOf } from "../../../static/mesa/peer/lead-channel.js"
import { Profiles, openStore } from "../../../static/mesa/peer/profiles.js"
import { Database } from "../../../static/mesa/store/database.js"
import { StoreDamaged, StoreFull, StoreMissing } from "../../../static/mesa/store/errors.js"
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

export async function accountIsForgottenWhateverTheServerSays() {
  for (const refusal of [new LoginRefused("banned"), new ServerUnreachable()]) {
    const { profiles, desk, left } = await loggedIn()
    const [ada] = await profiles.all()
    let asked = 0
    desk.api.logout = async () => {
      asked += 1
      throw refusal
    }

    await forgetHere(desk, ada)

    assertEqual([await profiles.all(), await profiles.current(), await left(), asked], [[], undefined, [], 1])
  }
}

export async function accountThatIsNotLoggedInIsForgottenWithoutAWordToTheServer() {
  const { profiles, desk } = await loggedIn()
  const bo = await profiles.add("bo")
  desk.api.logout = async () => {
    throw new Error("ada is logged in, not bo")
  }

  await forgetHere(desk, bo)

  assertEqual((await profiles.current())?.userName, "ada")
}

export async function recoveryCodeOfAForgottenAccountIsConfirmedInVain() {
  const { profiles, desk, left } = await loggedIn()
  const [ada] = await profiles.all()
  await forgetHere(desk, ada)

  await assertFails(StoreMissing, () => confirmRecoveryCode(ada))

  assertEqual(await left(), [])
}

export async function windowsOfAForgottenAccountAreTold() {
  const { profiles, desk } = await loggedIn()
  const [ada] = await profiles.all()
  const heard = new Promise((resolve) => {
    const channel = new BroadcastChannel(channelOf(ada.database))
    channel.onmessage = ({ data }) => resolve(data)
  })

  await forgetHere(desk, ada)

  assertEqual(await heard, { event: { event: "logged_out" } })
}
