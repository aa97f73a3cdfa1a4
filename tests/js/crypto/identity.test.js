import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { UnknownDevice } from "../../../static/mesa/crypto/errors.js"
import {
  DeviceKeys,
  Suite,
  createDevice,
  deviceOf,
  suiteOfBoth,
} from "../../../static/mesa/crypto/identity.js"
import { Ed25519Private, Ed25519Public, X25519Private } from "../../../static/mesa/crypto/keys.js"
import { verifyChain } from "../../../static/mesa/crypto/chain.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { casesOf } from "../vectors.js"
import { putAll } from "./cases.js"

export async function loginProofsAreMadeAndVerifiedAsVectorsSay() {
  await putAll("identity", "login-proof", async (each) => {
    const [deviceId, challenge] = [fromHex(each.device_id), fromHex(each.challenge)]
    const key = new Ed25519Public(fromHex(each.public))
    await key.verify("login", concat(deviceId, challenge), fromHex(each.signature))
    const signing = new Ed25519Private(fromHex(each.private))
    const device = new DeviceKeys(deviceId, signing, X25519Private.generate())
    assertEqual(toHex(await device.proveLogin(challenge)), each.signature)
  })
}

export async function deviceKeysAreReadBackAsVectorsSay() {
  await putAll("identity", "device-keys", ({ raw }) => {
    assertEqual(toHex(DeviceKeys.unpack(fromHex(raw)).pack()), raw)
  })
}

export async function newDevicesHaveIdsOfVersion4AndOwnKeys() {
  const [one, other] = [createDevice(Suite.HYBRID), createDevice(Suite.CLASSICAL)]

  for (const { deviceId } of [one, other]) assertEqual([deviceId[6] >> 4, deviceId[8] >> 6], [4, 2])
  assert(toHex(one.pack()) !== toHex(other.pack()))
  assertEqual([(await one.entry()).suite, (await other.entry()).suite], [1, 2])
}

export function twoDevicesAgreeInTheBetterWayThatBothHave() {
  const both = [
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ].map(([one, other]) => suiteOfBoth(/** @type {any} */ (one), /** @type {any} */ (other)))

  assertEqual(both, [1, 2, 2, 2])
}

export async function aDeviceIsFoundByItsIdOnly() {
  const [{ statements }] = (await casesOf("identity", "chain")).filter(({ expect }) => expect === "ok")
  const identity = await verifyChain(statements.map(fromHex))
  const [device] = identity.devices

  assertEqual(deviceOf(identity, device.deviceId.slice()), device)
  await assertFails(UnknownDevice, () => deviceOf(identity, new Uint8Array(16)))
}
