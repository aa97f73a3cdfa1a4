import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { BadSignature, Malformed, WeakKey } from "../../../static/mesa/crypto/errors.js"
import {
  Ed25519Private,
  Ed25519Public,
  KemPrivate,
  KemPublic,
  X25519Private,
  X25519Public,
} from "../../../static/mesa/crypto/keys.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { withBrowser } from "./browser.js"
import { putAll } from "./cases.js"

const counted = (/** @type {number} */ size) => Uint8Array.from({ length: size }, (_, at) => at)

export async function publicKeysAreCheckedAsVectorsSay() {
  await putAll("encoding", "x25519-public", ({ raw }) => assertRaw(new X25519Public(fromHex(raw)), raw))
  await putAll("encoding", "ed25519-public", ({ raw }) => assertRaw(new Ed25519Public(fromHex(raw)), raw))
  await putAll("encoding", "kem-public", ({ raw }) => assertRaw(new KemPublic(fromHex(raw)), raw))
}

/** @param {{raw: Uint8Array}} key @param {string} raw */
function assertRaw(key, raw) {
  assertEqual(toHex(key.raw), raw)
}

export async function signaturesAreMadeAsVectorsSay() {
  await putAll("encoding", "sign", async (each) => {
    const key = new Ed25519Private(fromHex(each.private))
    assertEqual(toHex((await key.public()).raw), each.public)
    assertEqual(toHex(await key.sign(each.what, fromHex(each.body))), each.signature)
  })
}

export async function signaturesAreVerifiedAsVectorsSay() {
  await putAll("encoding", "verify", (each) =>
    new Ed25519Public(fromHex(each.public)).verify(each.what, fromHex(each.body), fromHex(each.signature)),
  )
}

export async function bothSidesOfAnExchangeAgree() {
  const [ada, bo] = [X25519Private.generate(), X25519Private.generate()]

  assertEqual(await ada.exchange(await bo.public()), await bo.exchange(await ada.public()))
}

export async function anExchangeWithoutContributionIsRefused() {
  const ada = X25519Private.generate()
  const weak = await X25519Private.generate().public()
  // A value of small order that got past the check of public keys.
  weak.raw.fill(0)

  await assertFails(WeakKey, () => ada.exchange(weak))
}

export async function zerosThatABrowserAgreesOnAreRefused() {
  const [ada, bo] = [X25519Private.generate(), await X25519Private.generate().public()]

  await withBrowser({ deriveBits: async () => new ArrayBuffer(32) }, () =>
    assertFails(WeakKey, () => ada.exchange(bo)),
  )
}

export async function aKeyThatABrowserDoesNotTakeInSignedNothing() {
  const key = await Ed25519Private.generate().public()
  const refusing = (/** @type {string} */ name) => ({
    importKey: () => Promise.reject(new DOMException("", name)),
  })

  await withBrowser(refusing("DataError"), () =>
    assertFails(BadSignature, () => key.verify("example", new Uint8Array(), new Uint8Array(64))),
  )
}

export async function aBrowserThatFailsForAnotherReasonRefusesNothing() {
  const key = await Ed25519Private.generate().public()
  const failing = { importKey: () => Promise.reject(new DOMException("", "NotSupportedError")) }

  const error = await withBrowser(failing, () =>
    assertFails(DOMException, () => key.verify("example", new Uint8Array(), new Uint8Array(64))),
  )

  assertEqual(error.name, "NotSupportedError")
}

export async function eitherCoefficientOfThreeBytesIsBelowTheModulus() {
  const good = (await KemPrivate.generate().public()).raw

  for (const at of [0, 1149]) {
    const rest = new KemPublic(
      good
        .with(at, 0)
        .with(at + 1, 0xd0)
        .with(at + 2, 0x00),
    ).raw
    await assertFails(WeakKey, () => new KemPublic(rest.with(at, 0x01).with(at + 1, 0x0d)))
    await assertFails(WeakKey, () => new KemPublic(rest.with(at + 1, 0x10).with(at + 2, 0xd0)))
  }
}

export async function whatIsCarriedByMlKemIsRecovered() {
  const own = KemPrivate.generate()
  const { secret, ciphertext } = await (await own.public()).encapsulate()

  assertEqual(await own.decapsulate(ciphertext), secret)
  assert(toHex(await KemPrivate.generate().decapsulate(ciphertext)) !== toHex(secret))
}

export async function keysAndCiphertextsOfAnotherLengthAreRefused() {
  for (const Kind of [X25519Private, X25519Public, Ed25519Private, Ed25519Public, KemPrivate, KemPublic])
    for (const size of [0, 31, 33, 63, 65, 1183, 1185])
      await assertFails(Malformed, () => new Kind(new Uint8Array(size)))
  await assertFails(Malformed, () => KemPrivate.generate().decapsulate(new Uint8Array(1087)))
}

export function keysComeFromTheGivenRandomBytes() {
  for (const Kind of [X25519Private, Ed25519Private, KemPrivate])
    assertEqual(Kind.generate(counted).raw, counted(Kind === KemPrivate ? 64 : 32))
}

export function privateKeysDoNotShowInJson() {
  for (const Kind of [X25519Private, Ed25519Private, KemPrivate])
    assertEqual(JSON.stringify(Kind.generate()), "{}")
}
