// The examples of docs/spec/vectors, as every implementation reads them.

import { concat, fromHex } from "../../static/mesa/lib/bytes.js"

/**
 * @typedef {Record<string, any> & {name: string, check: string, expect: string}} Case
 * `expect` is `ok` or the name of an error.
 */

/**
 * Reads the cases of a page, of all checks or of one.
 *
 * @param {string} page
 * @param {string} [check]
 * @returns {Promise<Case[]>}
 */
export async function casesOf(page, check) {
  const answer = await fetch(new URL(`../../docs/spec/vectors/${page}.json`, import.meta.url))
  /** @type {Case[]} */
  const cases = (await answer.json()).cases
  const wanted = cases.filter((each) => check === undefined || each.check === check)
  if (wanted.length === 0) throw new Error(`no cases of ${page} ${check}`)
  return wanted
}

/**
 * Joins what is shortened in a file: a list of texts and of `[text, times]`.
 *
 * @param {string | (string | [string, number])[]} value
 * @returns {string}
 */
export function joinText(value) {
  if (typeof value === "string") return value
  return value.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1]))).join("")
}

/**
 * Joins bytes that are shortened in the same way, as hex.
 *
 * @param {string | (string | [string, number])[]} value
 */
export function joinBytes(value) {
  const parts = typeof value === "string" ? [value] : value
  return concat(...parts.map((part) => (typeof part === "string" ? fromHex(part) : repeated(...part))))
}

/** @param {string} hex @param {number} times */
function repeated(hex, times) {
  const unit = fromHex(hex)
  return new Uint8Array(unit.length * times).map((_, at) => unit[at % unit.length])
}
