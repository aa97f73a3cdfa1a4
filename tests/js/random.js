// Numbers that look random and are the same in every run.

/** Draws from one seed. */
export class Random {
  #state

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed
  }

  /** Draws a whole number from 0 to below a bound. @param {number} bound */
  below(bound) {
    // A xorshift over 32 bits: the state is never 0 but for a seed of 0.
    this.#state = (this.#state || 1) ^ (this.#state << 13)
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % bound
  }

  /** @template T @param {readonly T[]} items @returns {T} */
  pick(items) {
    return items[this.below(items.length)]
  }

  /** @template T @param {number} count @param {() => T} draw @returns {T[]} */
  several(count, draw) {
    return Array.from({ length: count }, draw)
  }

  /** @param {number} length */
  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256))
  }

  /** @template T @param {T[]} items @returns {T[]} the same items in another order */
  shuffled(items) {
    const left = [...items]
    return items.map(() => left.splice(this.below(left.length), 1)[0])
  }
}
