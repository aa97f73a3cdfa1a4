// One after the other: work that must not run beside other work of its kind.

export class Turns {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve()

  /** Does some work when all work before it is over, however that ended. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  take(work) {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }
}
