import { fromBase64url, toBase64url } from "../../../static/mesa/lib/base64.js"
import { fromHex } from "../../../static/mesa/lib/bytes.js"
import { assertEqual, assertFails } from "../assert.js"

export function bytesAreWrittenWithTheSignsOfAddressesAndWithoutPadding() {
  assertEqual(toBase64url(fromHex("")), "")
  assertEqual(toBase64url(fromHex("fb")), "-w")
  assertEqual(toBase64url(fromHex("ffff")), "__8")
  assertEqual(toBase64url(fromHex("fbefbe")), "----")
}

export function bytesOfEveryLengthComeBackAsTheyWere() {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 89 + length * 151) & 255)
    assertEqual(fromBase64url(toBase64url(bytes)), bytes)
  }
}

export function longBytesComeBackAsTheyWere() {
  const bytes = new Uint8Array(300_001).map((_, at) => at % 251)

  assertEqual(toBase64url(fromBase64url(toBase64url(bytes))), toBase64url(bytes))
}

export async function anyOtherSpellingIsRefused() {
  const spellings = [
    "A",
    "AAAAA",
    "-x",
    "AB",
    "AAB",
    "AA==",
    "AAA=",
    "AA A",
    " AAA",
    "AAA\n",
    "++AA",
    "//AA",
    "ÄAAA",
  ]
  for (const text of spellings) await assertFails(SyntaxError, () => fromBase64url(text))
}
