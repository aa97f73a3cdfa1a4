// What the recovery code is for: a new device in the place of lost ones, and a new password.
// Spec: docs/spec/identity.md, section "Recovery code", and docs/spec/rest.md, section "Accounts"

import { MAX_STATEMENTS, packChain, verifyChain } from "../crypto/chain.js"
import { CryptoError } from "../crypto/errors.js"
import { createDevice } from "../crypto/identity.js"
import { RecoveryKey } from "../crypto/recovery.js"
import { Kind, createNextStatement, isByRecovery } from "../crypto/statements.js"
import { equal } from "../lib/bytes.js"
import { dayOf } from "../lib/timing.js"
import { loadAccount, saveAccount } from "./account.js"
import {
  checkedName,
  checkedPassword,
  enrolling,
  forgetRecoveryCode,
  proveDevice,
  withStore,
} from "./enrolling.js"
import { LoginRefused, UsageError } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/identity.js").DeviceKeys} DeviceKeys */
/** @typedef {import("../crypto/identity.js").Identity} Identity */
/** @typedef {import("./enrolling.js").Desk} Desk */

/**
 * Sets a new password by the recovery code, and logs in. A device that is part of the account stays; otherwise this one
 * takes the place of all others. After an interruption it goes on with the same keys.
 *
 * @param {Desk} desk
 * @param {{userName: string, code: string, password: string}} form
 * @returns {Promise<import("./profiles.js").Profile>}
 * @throws {UsageError} `user_name`, `password_short`, `logged_in`; `device_removed`: what is here has to be forgotten first
 * @throws {BadRecoveryCode} it does not have the form of one
 * @throws {LoginRefused} `recovery_refused`: name or code is wrong; `not_yours`: the server shows somebody else's identity
 */
export async function recover(desk, { userName, code, password }) {
  const name = checkedName(userName)
  checkedPassword(password)
  const key = await RecoveryKey.fromCode(code)
  return enrolling(desk, name, async () => {
    const shown = await desk.api.recovery(name, (await key.signing.public()).raw)
    const identity = await own(shown, name, key)
    const profile = (await desk.profiles.find(name)) ?? (await desk.profiles.add(name))
    await withStore(profile, async (store) => {
      const device = (await loadAccount(store.view))?.device ?? createDevice(desk.suite)
      // Named already: it is its device, or the request of an earlier try arrived.
      const isNamed = identity.devices.some((entry) => equal(entry.deviceId, device.deviceId))
      const day = dayOf(desk.clock.unixMs())
      const statements = isNamed ? identity.statements : await recovered(identity, device, key, day)
      const account = { userName: name, device, chain: packChain(statements) }
      await store.transaction(async (unit) => {
        await saveAccount(unit, account)
        // Whoever typed the code has it.
        await forgetRecoveryCode(unit)
      })
      const challenge = await desk.api.challenge()
      const proof = { challenge, signature: await key.prove(identity.fingerprint, challenge) }
      await desk.api.recover(name, password, proof, isNamed ? null : statements[statements.length - 1])
      await proveDevice(desk.api, account, password)
    })
    await desk.profiles.setCurrent(profile.number)
    return profile
  })
}

/** The identity that a server shows for a name and a recovery key, if it is that. @param {Bytes[]} statements @param {string} name @param {RecoveryKey} key */
async function own(statements, name, key) {
  const identity = await verifyChain(statements).catch((error) => {
    throw error instanceof CryptoError ? new LoginRefused("not_yours") : error
  })
  const { raw } = await key.signing.public()
  if (identity.userName !== name || !equal(identity.recovery.raw, raw)) throw new LoginRefused("not_yours")
  return identity
}

/** The chain with this device as its only one. @param {Identity} identity @param {DeviceKeys} device @param {RecoveryKey} key @param {number} day */
async function recovered({ statements }, device, key, day) {
  // A full chain is taken up again after the last statement by recovery.
  const isFull = statements.length === MAX_STATEMENTS
  const kept = isFull
    ? statements.slice(0, 1 + Math.max(0, statements.findLastIndex(isByRecovery)))
    : statements
  const change = { kind: Kind.RECOVER, device: await device.entry() }
  const signers = [key.signing, device.signing]
  try {
    const statement = await createNextStatement(await verifyChain(kept), change, signers, day)
    return (await verifyChain([...kept, statement])).statements
  } catch (error) {
    throw error instanceof CryptoError ? new UsageError("device_removed") : error
  }
}
