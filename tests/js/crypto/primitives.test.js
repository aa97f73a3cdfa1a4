import { concat, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { NotOpened } from "../../../static/mesa/crypto/errors.js"
import {
  SEAL_OVERHEAD_BYTES,
  derive,
  heldMacKey,
  heldSealKey,
  mac,
  onceKeystream,
  randomBytes,
  same,
  seal,
  sealOnce,
  sha256,
  unseal,
  unsealOnce,
} from "../../../static/mesa/crypto/primitives.js"
import { assert, assertEqual, assertFails } from "../assert.js"
import { putAll } from "./cases.js"

const KEY = fromHex("07".repeat(32))
const OTHER_KEY = fromHex("08".repeat(32))
const TEXT = fromHex("68656c6c6f")
const BOUND = fromHex("626f")
const NOTHING = new Uint8Array()

export async function keysAreDerivedAsVectorsSay() {
  await putAll("encoding", "hkdf", async ({ secret, what, context, chained, size, out }) => {
    const more = { size, chained: fromHex(chained) }
    assertEqual(toHex(await derive(fromHex(secret), what, fromHex(context), more)), out)
  })
}

export async function macsAreMadeAsVectorsSay() {
  await putAll("encoding", "mac", async ({ key, what, body, out }) => {
    assertEqual(toHex(await mac(fromHex(key), what, fromHex(body))), out)
    assertEqual(toHex(await mac(await heldMacKey(fromHex(key)), what, fromHex(body))), out)
  })
}

export async function digestsAreThoseOfTheStandard() {
  const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  assertEqual(toHex(await sha256()), ofNothing)
  assertEqual(await sha256(TEXT, BOUND), await sha256(concat(TEXT, BOUND)))
}

export async function whatIsSealedOpensOnlyUnderItsKeyAndBound() {
  const sealed = await seal(KEY, TEXT, BOUND)

  assertEqual(sealed.length, TEXT.length + SEAL_OVERHEAD_BYTES)
  assertEqual(await unseal(KEY, sealed, BOUND), TEXT)
  assertEqual(await unseal(await heldSealKey(KEY), sealed, BOUND), TEXT)
  await assertFails(NotOpened, () => unseal(OTHER_KEY, sealed, BOUND))
  await assertFails(NotOpened, () => unseal(KEY, sealed, NOTHING))
  for (let at = 0; at < sealed.length; at += 1)
    await assertFails(NotOpened, () => unseal(KEY, sealed.with(at, sealed[at] ^ 1), BOUND))
  for (let size = 0; size < sealed.length; size += 1)
    await assertFails(NotOpened, () => unseal(KEY, sealed.slice(0, size), BOUND))
}

export async function whatIsSealedOnceOpensOnlyUnderItsKey() {
  const sealed = await sealOnce(KEY, TEXT)

  assertEqual(await unsealOnce(KEY, sealed), TEXT)
  await assertFails(NotOpened, () => unsealOnce(OTHER_KEY, sealed))
  await assertFails(NotOpened, () => unsealOnce(KEY, sealed.slice(0, 15)))
}

export async function theKeystreamIsWhatSealingOnceAdds() {
  const zeros = new Uint8Array(5000)

  assertEqual(await onceKeystream(KEY, 5000), (await sealOnce(KEY, zeros)).slice(0, 5000))
}

export async function heldKeysAreShownToNobody() {
  for (const held of [await heldSealKey(KEY), await heldMacKey(KEY)])
    await assertFails(DOMException, () => crypto.subtle.exportKey("raw", held))
}

export function onlyEqualBytesAreTheSame() {
  assert(same(KEY, KEY.slice()))
  assert(same(NOTHING, NOTHING))
  for (const other of [
    OTHER_KEY,
    KEY.slice(1),
    concat(KEY, fromHex("00")),
    KEY.with(31, 6),
    KEY.with(0, 6),
  ]) {
    assert(!same(KEY, other))
    assert(!same(other, KEY))
  }
}

export function randomBytesAreOfTheirSizeAndDiffer() {
  assertEqual(randomBytes(16).length, 16)
  assert(toHex(randomBytes(16)) !== toHex(randomBytes(16)))
}
