import { concat, equal, fromHex, toHex } from "../../../static/mesa/lib/bytes.js"
import { assert, assertEqual, assertFails } from "../assert.js"

export function hexComesBackAsItWas() {
  assertEqual(toHex(fromHex("00ff10")), "00ff10")
  assertEqual(fromHex(""), new Uint8Array())
}

export async function whatIsNotHexIsRefused() {
  for (const text of ["0", "0G", "FF", "0x", " 00", "00\n"])
    await assertFails(SyntaxError, () => fromHex(text))
}

export function joinedBytesKeepTheirOrder() {
  assertEqual(concat(fromHex("01"), fromHex(""), fromHex("0203")), fromHex("010203"))
}

export function bytesAreTheSameOnlyWhole() {
  assert(equal(fromHex("0102"), fromHex("0102")))
  assert(!equal(fromHex("0102"), fromHex("01")))
  assert(!equal(fromHex("0102"), fromHex("0103")))
}
