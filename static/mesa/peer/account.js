// Who this device is: user name, keys and chain, kept in the account's store. Spec: docs/spec/identity.md

import { readChain, splitChain } from "../crypto/chain.js"
import { utf8 } from "../crypto/encoding.js"
import { DeviceKeys } from "../crypto/identity.js"
import { fromBase64url, toBase64url } from "../lib/base64.js"
import { equal } from "../lib/bytes.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {{userName: string, device: DeviceKeys, chain: Bytes}} Account a user's device, registered or about to be */

const ACCOUNT = "account"

/** @param {Unit} unit @returns {Promise<Account | undefined>} */
export async function loadAccount(unit) {
  const raw = await unit.setting(ACCOUNT)
  if (!raw) return undefined
  const body = JSON.parse(new TextDecoder().decode(raw))
  const chain = fromBase64url(body.chain)
  const [device, identity] = [DeviceKeys.unpack(fromBase64url(body.device)), await readChain(chain)]
  // What others agree keys under is what the chain says of this device.
  const named = identity.devices.find((entry) => equal(entry.deviceId, device.deviceId))
  if (named) device.suite = named.suite
  return { userName: body.username, device, chain }
}

/** Keeps the account; its keys are on the disk before the server hears of them. @param {Unit} unit @param {Account} account */
export function saveAccount(unit, { userName, device, chain }) {
  const body = { username: userName, device: toBase64url(device.pack()), chain: toBase64url(chain) }
  return unit.setSetting(ACCOUNT, utf8(JSON.stringify(body)))
}

/** @param {Account} account @returns {Bytes[]} */
export function statementsOf(account) {
  return splitChain(account.chain)
}
