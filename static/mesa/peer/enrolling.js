// Makes an account, logs its device in and out. Keys are on the disk before the server hears of them.
// Spec: docs/spec/identity.md, docs/spec/rest.md, section "Accounts", and docs/spec/web-app.md, section "Local store"

import { packChain } from "../crypto/chain.js"
import { utf8 } from "../crypto/encoding.js"
import { createDevice } from "../crypto/identity.js"
import { RecoveryKey, createRecoveryCode } from "../crypto/recovery.js"
import { createFirstStatement } from "../crypto/statements.js"
import { dayOf } from "../lib/timing.js"
import { SUBPROTOCOL } from "../protocol/limits.js"
import { folded, isUserName } from "../store/contact-book.js"
import { loadAccount, saveAccount, statementsOf } from "./account.js"
import { LoginRefused, PeerError, Refused, UsageError } from "./errors.js"
import { tellLoggedOut } from "./lead-channel.js"
import { LeadLocks } from "./lead-locks.js"
import { openStore, readStore } from "./profiles.js"

/** @typedef {import("../store/store.js").Store} Store */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {import("./account.js").Account} Account */
/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./profiles.js").Profile} Profile */
/**
 * @typedef {object} Desk
 * @property {Api} api
 * @property {import("./profiles.js").Profiles} profiles
 * @property {import("../lib/timing.js").Clock} clock
 * @property {import("../crypto/identity.js").SuiteNumber} suite of devices made here, by `checkFeatures`
 */

const LOCK = "mesa-enrolling"
const RECOVERY = "recoveryCode"
const MIN_PASSWORD_SIGNS = 10
// What a server says that has made the account already: the name is taken, the invitation used up.
const MAYBE_OURS = new Set(["username_taken", "invitation_refused", "registration_closed"])

/** A user name for an account, as the server keeps it. @param {string} text @throws {UsageError} `user_name` */
export function checkedName(text) {
  const name = folded(text.trim())
  if (!isUserName(name)) throw new UsageError("user_name")
  return name
}

/** A new password. @param {string} password @throws {UsageError} `password_short` */
export function checkedPassword(password) {
  // The server counts whole signs, not halves.
  if ([...password].length < MIN_PASSWORD_SIGNS) throw new UsageError("password_short")
  return password
}

/**
 * Makes an account and logs in; after an interruption it goes on with the same keys. The recovery code stays here until
 * `confirmRecoveryCode`. A refusal leaves nothing.
 *
 * @param {Desk} desk
 * @param {{userName: string, password: string, invitation?: string}} form
 * @returns {Promise<{profile: Profile, code: string}>}
 * @throws {UsageError} `user_name`, `password_short`, `logged_in`: another account is; `has_keys`: this one is here already
 * @throws {Refused} the name is taken, the password too easy to guess, or the server takes no account, or none so
 */
export async function signUp(desk, { userName, password, invitation }) {
  const name = checkedName(userName)
  checkedPassword(password)
  return enrolling(desk, name, async () => {
    const known = await desk.profiles.find(name)
    const profile = known ?? (await desk.profiles.add(name))
    return withStore(profile, async (store) => {
      const account = (await loadAccount(store.view)) ?? (await prepare(desk, store, name))
      const code = await recoveryCode(store.view)
      if (!code) throw new UsageError("has_keys")
      try {
        await register(desk.api, account, password, invitation)
      } catch (error) {
        // Keys that were here before may be those of an account whose answer got lost.
        if (!known && error instanceof Refused) await forgetProfile(desk, profile, store)
        throw error
      }
      await desk.profiles.setCurrent(profile.number)
      return { profile, code }
    })
  })
}

/**
 * Logs the device of an account in that has keys here.
 *
 * @param {Desk} desk
 * @param {{userName: string, password: string}} form
 * @returns {Promise<Profile>}
 * @throws {UsageError} `user_name`, `logged_in`; `no_keys`: only the recovery code helps
 * @throws {LoginRefused} `device_unknown`: the server does not have this device; `wrong_password`, `banned`
 */
export async function logIn(desk, { userName, password }) {
  const name = checkedName(userName)
  return enrolling(desk, name, async () => {
    const profile = await desk.profiles.find(name)
    const account = profile && (await readStore(profile, loadAccount))
    if (!account) throw new UsageError("no_keys")
    await proveDevice(desk.api, account, password).catch(async (error) => {
      if (!(error instanceof LoginRefused && error.code === "login_refused")) throw error
      // The name is that of the device: if this is known, only the password is left.
      throw new LoginRefused((await isKnown(desk.api, account)) ? "wrong_password" : "device_unknown")
    })
    await desk.profiles.setCurrent(profile.number)
    return profile
  })
}

/**
 * Ends the login of this browser profile; keys and messages stay, unless they are to go, too.
 *
 * @param {Desk} desk
 * @param {{wipe?: boolean}} [how]
 * @throws {ServerUnreachable} the login goes on
 */
export async function logOut({ api, profiles }, { wipe = false } = {}) {
  const profile = await profiles.current()
  await api.logout().catch((error) => {
    // It had ended before; the result is the same.
    if (!(error instanceof LoginRefused)) throw error
  })
  if (!wipe) return profiles.setCurrent(null)
  // One that was begun before, and did not come to its end, is nobody's any more.
  await (profile ? profiles.forget(profile) : profiles.deleteForgotten())
}

/**
 * Deletes the keys and messages of an account here, whatever the server says: its login may be over, its device gone.
 *
 * @param {Desk} desk
 * @param {Profile} profile
 */
export function forgetHere({ api, profiles }, profile) {
  return navigator.locks.request(LOCK, async () => {
    const isCurrent = (await profiles.current())?.number === profile.number
    await new LeadLocks(profile.database).insteadOfLeader(async () => {
      await profiles.forget(profile)
      tellLoggedOut(profile.database)
    })
    if (!isCurrent) return
    await api.logout().catch((error) => {
      if (!(error instanceof PeerError)) throw error
    })
  })
}

/** Leaves as a user asks for it. @param {Desk} desk @param {import("./leader.js").Leaving} how @throws {LoginRefused | ServerUnreachable} nothing was done */
export function leave(desk, { wipe, password }) {
  return password === undefined ? logOut(desk, { wipe }) : removeAccount(desk, password)
}

/** Removes the account that is logged in, at the server and here. @param {Desk} desk @param {string} password @throws {LoginRefused} */
async function removeAccount({ api, profiles }, password) {
  const profile = await profiles.current()
  await api.remove(password)
  if (profile) await profiles.forget(profile)
}

/** The recovery code, as long as nobody has confirmed that it was written down. @param {Unit} unit @returns {Promise<string | undefined>} */
export async function recoveryCode(unit) {
  const raw = await unit.setting(RECOVERY)
  return raw && new TextDecoder().decode(raw)
}

/** Removes the recovery code: from now on only the user has it. @param {Unit} unit */
export function forgetRecoveryCode(unit) {
  return unit.setSetting(RECOVERY, undefined)
}

/** Enrols one account at a time: the cookies are those of all windows. @template T @param {Desk} desk @param {string} name @param {() => Promise<T>} act @returns {Promise<T>} @throws {UsageError} `logged_in`: another account is @throws {Refused} the server speaks another version */
export async function enrolling({ api, profiles }, name, act) {
  return navigator.locks.request(LOCK, async () => {
    const current = await profiles.current()
    if (current && current.userName !== name) throw new UsageError("logged_in")
    if (!(await api.server()).protocols.includes(SUBPROTOCOL)) throw new Refused("version_unsupported")
    return act()
  })
}

/** The user has written the recovery code down. @param {Profile} profile @throws {StoreMissing} the account was forgotten meanwhile */
export function confirmRecoveryCode(profile) {
  return withStore(profile, (store) => store.transaction(forgetRecoveryCode), { mustExist: true })
}

/** Writes in an account's store; a window that leads begins anew after it. @template T @param {Profile} profile @param {(store: Store) => Promise<T>} act @param {{mustExist?: boolean}} [how] @returns {Promise<T>} */
export function withStore(profile, act, how) {
  return new LeadLocks(profile.database).insteadOfLeader(async () => {
    const store = await openStore(profile, undefined, how)
    return act(store).finally(() => store.close())
  })
}

/** Logs a device in by its key and the password. @param {Api} api @param {Account} account @param {string} password */
export async function proveDevice(api, { userName, device }, password) {
  const challenge = await api.challenge()
  const proof = { challenge, signature: await device.proveLogin(challenge) }
  await api.login(userName, password, device.deviceId, proof)
}

/** @param {Desk} desk @param {Store} store @param {string} userName @returns {Promise<Account>} */
async function prepare(desk, store, userName) {
  const [device, code] = [createDevice(desk.suite), createRecoveryCode()]
  const [recovery, day] = [await RecoveryKey.fromCode(code), dayOf(desk.clock.unixMs())]
  const statement = await createFirstStatement(userName, device, recovery, day)
  const account = { userName, device, chain: packChain([statement]) }
  await store.transaction(async (unit) => {
    await saveAccount(unit, account)
    await unit.setSetting(RECOVERY, utf8(code))
  })
  return account
}

/** @param {Api} api @param {Account} account @param {string} password @param {string} [invitation] */
async function register(api, account, password, invitation) {
  try {
    await api.register(account.userName, password, statementsOf(account), invitation)
  } catch (error) {
    if (!(error instanceof Refused && MAYBE_OURS.has(error.code))) throw error
    // It may be ours, made a moment ago by a request whose answer got lost.
    await proveDevice(api, account, password).catch((why) => {
      throw why instanceof LoginRefused ? error : why
    })
    return
  }
  await proveDevice(api, account, password)
}

/** @param {Desk} desk @param {Profile} profile @param {Store} store */
async function forgetProfile({ profiles }, profile, store) {
  store.close()
  await profiles.forget(profile)
}

/** Whether the server has this device. @param {Api} api @param {Account} account */
export async function isKnown(api, { device }) {
  const challenge = await api.challenge()
  return api.isKnown(device.deviceId, { challenge, signature: await device.proveLogin(challenge) })
}
