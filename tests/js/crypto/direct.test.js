import {
  agree,
  fingerprintOf,
  proveAnswer,
  proveOffer,
  provesAnswer,
  provesOffer,
  withOneFingerprint,
} from "../../../static/mesa/crypto/direct.js"
import { Malformed } from "../../../static/mesa/crypto/errors.js"
import { fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assertEqual, assertFails } from "../assert.js"
import { putAll } from "./cases.js"

const VALUE = Array.from({ length: 32 }, (_, at) => (at + 160).toString(16).toUpperCase()).join(":")
const OTHER = VALUE.replace("A0", "00")
const LINE = `a=fingerprint:sha-256 ${VALUE}`

export async function keysOfAConsentAreMadeAsVectorsSay() {
  await putAll("direct", "key", async ({ parts, fingerprints, key }) => {
    const [one, other] = [0, 1].map((at) => ({
      part: fromHex(parts[at]),
      fingerprint: fromHex(fingerprints[at]),
    }))
    assertEqual(toHex(await agree(one, other)), key)
  })
}

export async function fingerprintsAreReadAsVectorsSay() {
  await putAll("direct", "fingerprint", ({ description, fingerprint }) => {
    for (const end of ["\r\n", "\n"])
      assertEqual(toHex(fingerprintOf(description.join(end) + end)), fingerprint)
  })
}

export async function offersAreProvedAsVectorsSay() {
  await putAll("direct", "offer", async ({ key, maker, offer, proof, valid }) => {
    const [secret, ...said] = [key, maker, offer].map(fromHex)
    assertEqual(await provesOffer(secret, fromHex(proof), said[0], said[1]), valid)
    assertEqual(toHex(await proveOffer(secret, said[0], said[1])) === proof, valid)
  })
}

export async function answersAreProvedAsVectorsSay() {
  await putAll("direct", "answer", async ({ key, maker, offer, answer, proof, valid }) => {
    const [secret, ...said] = [key, maker, offer, answer].map(fromHex)
    assertEqual(await provesAnswer(secret, fromHex(proof), said[0], said[1], said[2]), valid)
    assertEqual(toHex(await proveAnswer(secret, said[0], said[1], said[2])) === proof, valid)
  })
}

export async function whereOnlySomeReaderSeesALineTheValuesHaveToBeOne() {
  for (const end of ["\u0085", "\u2028", "\v", "\x1c", "\r"])
    assertEqual(fingerprintOf(`a=x${end}${LINE}`), fingerprintOf(LINE))
  for (const end of ["\u0085", "\u2028", "\v", "\x1c", "\r"])
    await assertFails(Malformed, () => fingerprintOf(`${LINE}\r\na=x${end}${LINE.replace(VALUE, OTHER)}`))
}

export async function signsThatReadersTakeForDifferentSpacesAreNoneOfAValue() {
  for (const sign of ["\ufeff", "\x1f", "\u00a0", "é"])
    await assertFails(Malformed, () => fingerprintOf(`${LINE}\r\na=fingerprint:sha-512 AB${sign}CD`))
}

export function onlyOurFingerprintsStay() {
  const shown = withOneFingerprint(
    `v=0\r\n${LINE}\r\na=fingerprint:sha-512 ${VALUE}\r\n a=fingerprint:x\r\n\r\na=mid:0`,
  )

  assertEqual(shown, `v=0\r\n${LINE}\r\na=mid:0\r\n`)
}
