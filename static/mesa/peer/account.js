// STUB
import { DeviceKeys } from "../crypto/identity.js"
import { readChain } from "../crypto/chain.js"
import { utf8 } from "../crypto/encoding.js"
import { fromBase64url, toBase64url } from "../lib/base64.js"
import { equal } from "../lib/bytes.js"
/** @param {any} view @returns {Promise<any>} */
export async function loadAccount(view) {
  const raw = await view.setting("account")
  if (!raw) return null
  const body = JSON.parse(new TextDecoder().decode(raw))
  const chain = fromBase64url(body.chain)
  const bare = DeviceKeys.unpack(fromBase64url(body.device))
  const identity = await readChain(chain)
  const entry = identity.devices.find((each) => equal(each.deviceId, bare.deviceId))
  return {
    userName: body.userName,
    chain,
    device: DeviceKeys.unpack(fromBase64url(body.device), entry?.suite),
  }
}
/** @param {any} unit @param {any} account */
export function saveAccount(unit, { userName, chain, device }) {
  return unit.setSetting(
    "account",
    utf8(JSON.stringify({ userName, chain: toBase64url(chain), device: toBase64url(device.pack()) })),
  )
}
