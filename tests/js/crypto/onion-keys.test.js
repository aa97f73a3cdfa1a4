import { DeviceEntry, DeviceKeys } from "../../../static/mesa/crypto/identity.js"
import { Reader } from "../../../static/mesa/crypto/encoding.js"
import { Ed25519Private, X25519Private } from "../../../static/mesa/crypto/keys.js"
import { OnionKeys, SignedOnionKey } from "../../../static/mesa/crypto/onion-keys.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { ONION_KEY_BYTES, SIGNED_ONION_KEY_BYTES } from "../../../static/mesa/protocol/ids.js"
import { assertEqual } from "../assert.js"
import { putAll } from "./cases.js"

export async function onionKeysAreCheckedAsVectorsSay() {
  await putAll("onion", "onion-key", async ({ raw, entry, now_s }) => {
    const signed = SignedOnionKey.unpack(fromHex(raw))
    assertEqual(toHex(signed.pack()), raw)
    const key = await signed.verify(DeviceEntry.read(new Reader(fromHex(entry))), now_s)
    assertEqual(key.raw, signed.key.raw)
    assertEqual([key.raw.length, signed.pack().length], [ONION_KEY_BYTES, SIGNED_ONION_KEY_BYTES])
  })
}

export async function onionKeysAreSignedAsVectorsSay() {
  await putAll("onion", "create-key", async (each) => {
    const signing = new Ed25519Private(fromHex(each.device_signing_private))
    const device = new DeviceKeys(fromHex(each.device_id), signing, X25519Private.generate())
    const keys = new OnionKeys(each.day, new X25519Private(fromHex(each.private)))
    assertEqual(toHex((await keys.signed(device)).pack()), each.raw)
  })
}
