// Which failures pass: what failed so may be tried again later, and stops nothing else meanwhile.

import { StoreDamaged, StoreFull } from "../store/errors.js"
import { PrekeysUsedUp } from "../store/prekey-book.js"
import { LoginRefused, PeerError } from "./errors.js"

/** @param {unknown} error @returns {error is Error & {retryAfterS?: number | null}} */
export function isPassing(error) {
  if (error instanceof LoginRefused) return false
  return error instanceof PeerError || error instanceof StoreFull || error instanceof PrekeysUsedUp
}

/** Whether a failure concerns one thing alone: it passes, or a record does not open. All else goes on. @param {unknown} error @returns {error is Error & {retryAfterS?: number | null}} */
export function isOfOneThing(error) {
  return isPassing(error) || error instanceof StoreDamaged
}

/**
 * Does one of several things that must not stop each other.
 *
 * @param {() => Promise<unknown>} step
 * @returns {Promise<boolean>} whether it failed in a way that concerns it alone
 * @throws {LoginRefused} there is nothing left to do
 */
export async function fails(step) {
  try {
    await step()
    return false
  } catch (error) {
    if (!isOfOneThing(error)) throw error
    return true
  }
}
