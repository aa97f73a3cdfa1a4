// What two users compare to know that nobody stands between them. Spec: docs/spec/identity.md, section "Safety number"

import { concat, toHex } from "../lib/bytes.js"
import { derive } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

const STREAM_BYTES = 60
const GROUP_BYTES = 5

/**
 * Sixty digits in twelve groups that both users read to each other; the same from either side.
 *
 * @param {{fingerprint: Bytes}} one
 * @param {{fingerprint: Bytes}} other
 */
export async function safetyNumber(one, other) {
  const both = [one.fingerprint, other.fingerprint].sort((left, right) =>
    toHex(left) < toHex(right) ? -1 : 1,
  )
  const stream = await derive(concat(...both), "safety-number", undefined, { size: STREAM_BYTES })
  const groups = []
  for (let at = 0; at < STREAM_BYTES; at += GROUP_BYTES)
    groups.push(group(stream.subarray(at, at + GROUP_BYTES)))
  return groups.join(" ")
}

/** @param {Uint8Array} bytes */
function group(bytes) {
  const number = bytes.reduce((sum, each) => sum * 256 + each, 0)
  return String(number % 100_000).padStart(5, "0")
}

/** Tells whether somebody typed a safety number, with spaces wherever they like. @param {string} typed @param {string} number */
export function areDigitsOf(typed, number) {
  return typed.replaceAll(/\s/g, "") === number.replaceAll(" ", "")
}
