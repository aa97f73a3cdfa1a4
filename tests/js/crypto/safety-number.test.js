import { fromHex } from "../../../static/mesa/lib/bytes.js"
import { areDigitsOf, safetyNumber } from "../../../static/mesa/crypto/safety-number.js"
import { assert, assertEqual } from "../assert.js"
import { putAll } from "./cases.js"

export async function numbersAreThoseOfTheVectorsFromEitherSide() {
  await putAll("identity", "safety-number", async (each) => {
    const [one, other] = [each.one, each.other].map((text) => ({ fingerprint: fromHex(text) }))
    assertEqual(await safetyNumber(one, other), each.safety_number)
    assertEqual(await safetyNumber(other, one), each.safety_number)
  })
}

export async function allGroupsHaveFiveDigits() {
  for (let at = 0; at < 20; at += 1) {
    const [one, other] = [at, 255 - at].map((byte) => ({ fingerprint: new Uint8Array(32).fill(byte) }))
    assert(/^\d{5}( \d{5}){11}$/.test(await safetyNumber(one, other)))
  }
}

export function aNumberIsTypedWithSpacesAnywhere() {
  assert(areDigitsOf(" 6882652\n131", "68826 52131"))
  for (const typed of ["6882652130", "68826-52131", "68826", ""]) assert(!areDigitsOf(typed, "68826 52131"))
}
