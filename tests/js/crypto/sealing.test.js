import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { Reader, label } from "../../../static/mesa/crypto/encoding.js"
import { CryptoError, Malformed, NotOpened } from "../../../static/mesa/crypto/errors.js"
import { schedule } from "../../../static/mesa/crypto/hpke.js"
import { DeviceEntry, DeviceKeys, createDevice } from "../../../static/mesa/crypto/identity.js"
import { X25519Private } from "../../../static/mesa/crypto/keys.js"
import { MAX_ENVELOPE_BYTES, openPost, sealPost } from "../../../static/mesa/crypto/sealing.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { joinText } from "../vectors.js"
import { putAll } from "./cases.js"

const ENVELOPE = fromHex("656e76656c6f7065")

export async function postsAreSealedAsVectorsSay() {
  await putAll("sealing", "seal", async (each) => {
    const to = DeviceEntry.read(new Reader(fromHex(each.entry)))
    const ephemeral = new X25519Private(fromHex(each.ephemeral))
    const shared = await ephemeral.exchange(to.agreement)
    const exchange = { shared, encapsulated: (await ephemeral.public()).raw, receiver: to.agreement.raw }
    const made = await schedule(exchange, concat(label("sealed"), to.deviceId))
    const found = [made.secret, made.key, made.start].map(toHex)
    assertEqual(found, [each.shared_secret, each.key, each.base_nonce])
    assertEqual(toHex(await sealPost(to, fromHex(joinText(each.envelope)), ephemeral)), joinText(each.post))
  })
}

export async function postsAreOpenedAsVectorsSay() {
  await putAll("sealing", "open", async (each) => {
    const opened = await openPost(DeviceKeys.unpack(fromHex(each.device_keys)), fromHex(joinText(each.post)))
    assertEqual(toHex(opened), joinText(each.envelope))
  })
}

export async function postsHaveFewSizesAndOpenOnTheirDevice() {
  const bo = createDevice(1)

  for (const size of [1, 4092, 4093, MAX_ENVELOPE_BYTES]) {
    const envelope = new Uint8Array(size).fill(7)
    const post = await sealPost(await bo.entry(), envelope)
    assertEqual((post.length - 49) % 4096, 0)
    assertEqual((await openPost(bo, post)).length, size)
  }
}

export async function whatDoesNotFitIsNotSealed() {
  const to = await createDevice(1).entry()

  for (const size of [0, MAX_ENVELOPE_BYTES + 1])
    await assertFails(Malformed, () => sealPost(to, new Uint8Array(size)))
}

export async function anyFlippedBitIsRefused() {
  const bo = createDevice(1)
  const post = await sealPost(await bo.entry(), ENVELOPE)

  for (let at = 0; at < post.length; at += at < 60 ? 1 : 89)
    await assertFails(CryptoError, () => openPost(bo, post.with(at, post[at] ^ (1 << (at % 8)))))
}

export async function anotherDeviceCanNotOpen() {
  const [ada, bo] = [createDevice(1), createDevice(1)]
  const post = await sealPost(await bo.entry(), ENVELOPE)

  await assertFails(NotOpened, () => openPost(ada, post))
  await assertFails(NotOpened, () => openPost(new DeviceKeys(ada.deviceId, bo.signing, bo.agreement), post))
}

export async function theSameEnvelopeNeverSealsToTheSameBytes() {
  const to = await createDevice(1).entry()

  assert(toHex(await sealPost(to, ENVELOPE)) !== toHex(await sealPost(to, ENVELOPE)))
}
