// Bytes and their spellings. Spec: docs/spec/encoding.md

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const HEX = /^(?:[0-9a-f]{2})*$/

/** @param {...Uint8Array} parts @returns {Bytes} */
export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((total, each) => total + each.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/**
 * Tells whether two byte strings are the same. Not for secrets: it stops at the first difference.
 *
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
export function equal(one, other) {
  return one.length === other.length && one.every((each, at) => each === other[at])
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("")
}

/**
 * @param {string} text
 * @returns {Bytes}
 * @throws {SyntaxError} anything but pairs of lower-case hex digits
 */
export function fromHex(text) {
  if (!HEX.test(text)) throw new SyntaxError("not hex")
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
