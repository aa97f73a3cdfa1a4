// Pauses between tries: each thing that failed has its own, twice as long after each failure.

const FIRST_PAUSE_S = 15
const LAST_PAUSE_S = 3_600

/** When what failed may be tried again. What never failed is always due. @template {string | number} Key */
export class Backoff {
  #clock
  /** @type {Map<Key, {lengthS: number, until: number}>} */
  #pauses = new Map()

  /** @param {import("../lib/timing.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock
  }

  /** Tells whether something may be tried. @param {Key} key */
  isDue(key) {
    const pause = this.#pauses.get(key)
    return !pause || this.#clock.now() >= pause.until
  }

  /** Leaves something alone for a while. @param {Key} key @param {number | null} [atLeastS] */
  failed(key, atLeastS = null) {
    const before = this.#pauses.get(key)
    const lengthS = before ? Math.min(2 * before.lengthS, LAST_PAUSE_S) : FIRST_PAUSE_S
    this.#pauses.set(key, { lengthS, until: this.#clock.now() + Math.max(lengthS, atLeastS ?? 0) })
  }

  /** Forgets the failures of something. @param {Key} key */
  done(key) {
    this.#pauses.delete(key)
  }

  /** Seconds until the first of what failed is due; null if nothing failed. @returns {number | null} */
  get dueInS() {
    if (this.#pauses.size === 0) return null
    const first = Math.min(...[...this.#pauses.values()].map((pause) => pause.until))
    return Math.max(0, first - this.#clock.now())
  }
}
