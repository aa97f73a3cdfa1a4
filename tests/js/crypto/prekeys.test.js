import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { Reader } from "../../../static/mesa/crypto/encoding.js"
import { CryptoError, Malformed } from "../../../static/mesa/crypto/errors.js"
import { DeviceEntry, DeviceKeys, createDevice } from "../../../static/mesa/crypto/identity.js"
import { Ed25519Private, X25519Private } from "../../../static/mesa/crypto/keys.js"
import {
  Prekey,
  PrekeyKind,
  PrivatePrekey,
  createPrekey,
  verifyBundle,
} from "../../../static/mesa/crypto/prekeys.js"
import { assertEqual, assertFails } from "../assert.js"
import { putAll } from "./cases.js"

const DAY = 20_780
const KINDS = Object.values(PrekeyKind)

/** @param {string} raw */
const entryOf = (raw) => DeviceEntry.read(new Reader(fromHex(raw)))

/** @param {string | null} raw */
const maybe = (raw) => (raw === null ? null : fromHex(raw))

export async function publicHalvesAreMadeAsVectorsSay() {
  await putAll("prekeys", "create", async (each) => {
    const signing = new Ed25519Private(fromHex(each.device_signing_private))
    const device = new DeviceKeys(fromHex(each.device_id), signing, X25519Private.generate())
    const made = await PrivatePrekey.unpack(fromHex(each.private)).public(device)
    assertEqual(toHex(made.pack()), each.public)
  })
}

export async function prekeysAreReadAndVerifiedAsVectorsSay() {
  await putAll("prekeys", "prekey", async ({ raw, entry, today }) => {
    const prekey = Prekey.unpack(fromHex(raw))
    assertEqual(toHex(prekey.pack()), raw)
    await prekey.verify(entryOf(entry), today)
  })
}

export async function bundlesAreVerifiedAsVectorsSay() {
  await putAll("prekeys", "bundle", async ({ entry, signed, kem, one_time, today }) => {
    const device = entryOf(entry)
    const handed = { signed: fromHex(signed), kem: maybe(kem), oneTime: maybe(one_time) }
    const bundle = await verifyBundle(device, handed, today)
    assertEqual(toHex(bundle.signedKey.raw), signed.slice(20, 84))
    assertEqual(bundle.kem === null, device.suite === 2)
    assertEqual(bundle.oneTimeKey && toHex(bundle.oneTimeKey.raw), one_time && one_time.slice(12))
  })
}

export async function privateHalvesAreReadBackAsVectorsSay() {
  await putAll("prekeys", "private", ({ raw }) => {
    assertEqual(toHex(PrivatePrekey.unpack(fromHex(raw)).pack()), raw)
  })
}

export async function noFlippedBitOfASignedPrekeyPasses() {
  const device = createDevice(1)
  const entry = await device.entry()
  const good = (await createPrekey(PrekeyKind.SIGNED, 7, DAY).public(device)).pack()

  for (let at = 0; at < good.length; at += 1)
    await assertFails(CryptoError, () =>
      Prekey.unpack(good.with(at, good[at] ^ (1 << (at % 8)))).verify(entry, DAY),
    )
}

export async function noTruncatedPrekeyParses() {
  const device = createDevice(1)

  for (const kind of KINDS) {
    const good = (await createPrekey(kind, 7, DAY).public(device)).pack()
    for (let size = 0; size < good.length; size += 1)
      await assertFails(Malformed, () => Prekey.unpack(good.slice(0, size)))
  }
}

export async function idsOutOfRangeAreNotMade() {
  for (const number of [0, -1, 2 ** 32, NaN])
    await assertFails(Malformed, () => createPrekey(PrekeyKind.ONE_TIME, number, DAY))
}

export function prekeysComeFromTheGivenRandomBytes() {
  for (const kind of KINDS) {
    const one = createPrekey(kind, 1, DAY, (size) => new Uint8Array(size).fill(9))
    assertEqual(one.key.raw, new Uint8Array(one.key.raw.length).fill(9))
    assertEqual(toHex(PrivatePrekey.unpack(one.pack()).pack()), toHex(one.pack()))
  }
}
