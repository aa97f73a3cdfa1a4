// Codecs of single JSON values in a frame: strict, and what parses writes back to the same text.
// What would not parse is not written either.
// Spec: docs/spec/signaling.md, section "Terms and notation"

import { fromBase64url, toBase64url } from "../lib/base64.js"
import { BadFrame } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/**
 * How one value is read from JSON and written back; both throw BadFrame.
 *
 * @template T
 * @typedef {{parse: (value: unknown) => T, toJson: (value: T) => unknown}} Codec
 */
/**
 * What a codec reads.
 *
 * @template C
 * @typedef {C extends {parse: (value: unknown) => infer T} ? T : never} Value
 */
/** @typedef {Record<string, Codec<any>>} Fields Codecs of an object's keys, in the order of the spec. */
/** @template {Fields} F @typedef {{[K in keyof F]: Value<F[K]>}} Values */

export const SDP_BYTES = 6_000
const SDP = /^[\x20-\x7e\r\n]+$/
const TEXT = /^[\x20-\x7e]{1,512}$/
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * @param {unknown} claim
 * @param {string} otherwise what is wrong, without the value
 * @returns {asserts claim}
 * @throws {BadFrame}
 */
export function need(claim, otherwise) {
  if (!claim) throw new BadFrame(otherwise)
}

/**
 * Makes the codec of values that are in JSON what they are here.
 *
 * @template T
 * @param {(value: unknown) => T} parse
 * @returns {Codec<T>}
 */
const same = (parse) => ({ parse, toJson: parse })

/** @param {number} length exactly so many bytes */
export const binary = (length) => binaryUpTo(length, length)

/**
 * @param {number} longest in bytes
 * @param {number} [shortest]
 * @returns {Codec<Bytes>}
 */
export function binaryUpTo(longest, shortest = 1) {
  /** @param {Uint8Array} bytes */
  const needLength = ({ length }) =>
    need(shortest <= length && length <= longest, "a binary value has the wrong length")
  return {
    parse(value) {
      const bytes = bytesOf(value)
      needLength(bytes)
      return bytes
    },
    toJson(bytes) {
      need(bytes instanceof Uint8Array, "a binary value is not bytes")
      needLength(bytes)
      return toBase64url(bytes)
    },
  }
}

/** @param {unknown} value */
function bytesOf(value) {
  need(typeof value === "string", "a binary value is not a text")
  try {
    return fromBase64url(value)
  } catch {
    throw new BadFrame("a binary value is not canonical base64url")
  }
}

/**
 * A whole number in a closed range.
 *
 * @param {number} lowest
 * @param {number} highest
 */
export function number(lowest, highest) {
  return same((value) => {
    need(
      typeof value === "number" && Number.isSafeInteger(value) && lowest <= value && value <= highest,
      "a number is missing or out of range",
    )
    // Never the other zero that there is here.
    return value + 0
  })
}

/**
 * One member of a closed set of words.
 *
 * @template {string} W
 * @param {readonly W[]} words
 */
export function choice(words) {
  return same((value) => {
    const word = words.find((each) => each === value)
    need(word !== undefined, "a word is not in its set")
    return word
  })
}

/**
 * The value, or null.
 *
 * @template T
 * @param {Codec<T>} codec
 * @returns {Codec<T | null>}
 */
export function optional(codec) {
  return {
    parse: (value) => (value === null ? null : codec.parse(value)),
    toJson: (value) => (value === null ? null : codec.toJson(value)),
  }
}

/**
 * @template T
 * @param {Codec<T>} codec
 * @param {number} atMost
 * @param {number} [atLeast]
 * @returns {Codec<T[]>}
 */
export function listed(codec, atMost, atLeast = 0) {
  /** @param {unknown} value @returns {any[]} */
  const items = (value) => {
    need(Array.isArray(value), "a list is missing")
    need(atLeast <= value.length && value.length <= atMost, "a list has the wrong length")
    return value
  }
  return {
    parse: (value) => items(value).map((item) => codec.parse(item)),
    toJson: (value) => items(value).map((item) => codec.toJson(item)),
  }
}

/**
 * An object with exactly these keys.
 *
 * @template {Fields} F
 * @param {F} fields
 * @param {(values: any) => boolean} [isGood] what else holds for its values together, read or written
 * @returns {Codec<Values<F>>}
 */
export function record(fields, isGood = () => true) {
  const keys = Object.keys(fields)
  /** @param {unknown} value @param {"parse" | "toJson"} way */
  const turn = (value, way) => {
    need(typeof value === "object" && value !== null, "an object is missing")
    const given = new Map(Object.entries(value))
    need(given.size === keys.length, "an object has other keys")
    // No codec takes what is there for a key that is missing.
    const turned = Object.fromEntries(keys.map((key) => [key, fields[key][way](given.get(key))]))
    need(isGood(turned), "an object's values do not go together")
    return turned
  }
  return {
    parse: (value) => /** @type {Values<F>} */ (turn(value, "parse")),
    toJson: (value) => turn(value, "toJson"),
  }
}

/** @param {RegExp} form @param {(text: string) => boolean} [isGood] */
function written(form, isGood = () => true) {
  return same((value) => {
    need(typeof value === "string" && form.test(value) && isGood(value), "a text does not have its form")
    return value
  })
}

export const flag = same((value) => {
  need(typeof value === "boolean", "a flag is not true or false")
  return value
})
export const uuid4 = written(UUID4)
export const text = written(TEXT)
// Counted as written in JSON: a description full of quotes would not fit the order that passes it on.
export const sdp = written(SDP, (value) => JSON.stringify(value).length - 2 <= SDP_BYTES)
