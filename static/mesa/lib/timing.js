// Waiting: the one place that starts timers. A clock that tests can move stands in for the browser's.

/** Nothing came within the time that was given. */
export class TooLate extends Error {}

/** The browser's time. `now` is in seconds and never goes back; `unixMs` is the wall clock. */
export const browserClock = {
  now: () => performance.now() / 1_000,
  unixMs: () => Date.now(),
  /** @param {number} seconds @param {() => void} act @returns {() => void} takes it back */
  after(seconds, act) {
    const timer = setTimeout(act, seconds * 1_000)
    return () => clearTimeout(timer)
  },
}

/** @typedef {typeof browserClock} Clock */

const DAY_MS = 86_400_000

/** The day of a time in UTC, counted from 1970-01-01. @param {number} unixMs */
export function dayOf(unixMs) {
  return Math.floor(unixMs / DAY_MS)
}

/** Waits; ends early, without a word, when the signal says so. @param {Clock} clock @param {number} seconds @param {AbortSignal} [signal] @returns {Promise<void>} */
export function pause(clock, seconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = () => {
      takeBack()
      signal?.removeEventListener("abort", end)
      resolve()
    }
    const takeBack = clock.after(seconds, end)
    signal?.addEventListener("abort", end)
  })
}

/** Waits until a signal is given. @param {AbortSignal} signal @returns {Promise<void>} */
export function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

/** Waits for a promise, and no longer than that. @template T @param {Clock} clock @param {number} seconds @param {Promise<T>} promise @returns {Promise<T>} @throws {TooLate} */
export function within(clock, seconds, promise) {
  return new Promise((resolve, reject) => {
    const takeBack = clock.after(seconds, () => reject(new TooLate()))
    promise.then(resolve, reject).finally(takeBack)
  })
}

/** Something that others wait for, and that may happen again and again. */
export class Bell {
  #ring = () => {}
  #rung = this.#next()

  /** Wakes all who wait; whoever waits next waits for the next ring. */
  ring() {
    this.#ring()
    this.#rung = this.#next()
  }

  /** @returns {Promise<void>} */
  rung() {
    return this.#rung
  }

  /** @returns {Promise<void>} */
  #next() {
    return new Promise((resolve) => (this.#ring = resolve))
  }
}
