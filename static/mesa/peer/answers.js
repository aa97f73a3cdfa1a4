// Values in the server's answers, strictly read: what is not there or of another kind is no answer of this version.
// Keys that are not known here are passed over. Spec: docs/spec/rest.md

import { fromBase64url } from "../lib/base64.js"
import { uuidBytes } from "../lib/uuid.js"
import { ServerUnreachable } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {Record<string, unknown>} Json */

/** The server does not speak this version of the API. */
export function unknownAnswer() {
  return new ServerUnreachable("unknown_answer")
}

/** @param {unknown} value @returns {value is Json} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** @param {unknown} value @returns {Json} @throws {ServerUnreachable} */
export function object(value) {
  if (!isObject(value)) throw unknownAnswer()
  return value
}

/** @param {unknown} value @returns {string} @throws {ServerUnreachable} */
export function text(value) {
  if (typeof value !== "string") throw unknownAnswer()
  return value
}

/** A count or an id. @param {unknown} value @returns {number} @throws {ServerUnreachable} */
export function number(value) {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw unknownAnswer()
  return value
}

/** @template {string} W @param {readonly W[]} words @param {unknown} value @returns {W} @throws {ServerUnreachable} */
export function oneOf(words, value) {
  const word = words.find((each) => each === value)
  if (word === undefined) throw unknownAnswer()
  return word
}

/** @template T @param {unknown} value @param {(item: unknown) => T} read @returns {T[]} @throws {ServerUnreachable} */
export function items(value, read) {
  if (!Array.isArray(value)) throw unknownAnswer()
  return value.map((item) => read(item))
}

/** @param {unknown} value @returns {Bytes} @throws {ServerUnreachable} */
export const bytes = (value) => decoded(value, fromBase64url)

/** @param {unknown} value @returns {Bytes} @throws {ServerUnreachable} */
export const uuid = (value) => decoded(value, uuidBytes)

/** @param {unknown} value @param {(text: string) => Bytes} decode */
function decoded(value, decode) {
  try {
    return decode(text(value))
  } catch (error) {
    throw error instanceof SyntaxError ? unknownAnswer() : error
  }
}
