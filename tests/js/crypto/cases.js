// How the cases of a page of docs/spec/vectors are put to a test.

import { fromHex } from "../../../static/mesa/lib/bytes.js"
import { AssertionError, assertEqual } from "../assert.js"
import { casesOf } from "../vectors.js"

/** @typedef {import("../vectors.js").Case} Case */

/**
 * Puts every case of a check to `act`, which makes the claims of good ones; the others fail as they should.
 *
 * @param {string} page
 * @param {string} check
 * @param {(each: Case) => unknown} act
 */
export async function putAll(page, check, act) {
  for (const each of await casesOf(page, check))
    assertEqual(await outcomeOf(() => act(each)), each.expect, each.name)
}

/** The outcome as a vector names it. @param {() => unknown} act */
export async function outcomeOf(act) {
  try {
    await act()
    return "ok"
  } catch (error) {
    if (error instanceof AssertionError || !(error instanceof Error)) throw error
    return error.name
  }
}

/** Random bytes that were written down. @param {string[]} draws hex @returns {(size: number) => Uint8Array<ArrayBuffer>} */
export function drawing(draws) {
  const left = draws.map(fromHex)
  return (size) => {
    const next = left.shift()
    if (next?.length !== size) throw new AssertionError(`a draw of ${size} bytes was not expected`)
    return next
  }
}
