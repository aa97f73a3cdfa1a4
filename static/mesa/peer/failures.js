// Which failures pass: what failed so may be tried again later, and stops nothing else meanwhile.

import { StoreFull } from "../store/errors.js"
import { PrekeysUsedUp } from "../store/prekey-book.js"
import { LoginRefused, PeerError } from "./errors.js"

/** @param {unknown} error @returns {error is Error & {retryAfterS?: number | null}} */
export function isPassing(error) {
  if (error instanceof LoginRefused) return false
  return error instanceof PeerError || error instanceof StoreFull || error instanceof PrekeysUsedUp
}

/**
 * Does one of several things that must not stop each other.
 *
 * @param {() => Promise<unknown>} step
 * @returns {Promise<boolean>} whether it failed in a way that passes
 * @throws {LoginRefused} there is nothing left to do
 */
export async function fails(step) {
  try {
    await step()
    return false
  } catch (error) {
    if (!isPassing(error)) throw error
    return true
  }
}
