// A clock that moves when the test says so.

export class FakeClock {
  #now = 1_000
  /** @type {{at: number, act: () => void}[]} */
  #due = []

  now = () => this.#now
  unixMs = () => this.#now * 1_000

  /** @param {number} seconds @param {() => void} act */
  after = (seconds, act) => {
    const entry = { at: this.#now + seconds, act }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((each) => each !== entry)
    }
  }

  /** Passes time in which nothing was done: what was due is late. @param {number} seconds */
  sleep(seconds) {
    this.#now += seconds
  }

  /** Moves on, and does what is due in its order; what follows from each is done before the next. @param {number} seconds */
  async advance(seconds) {
    const end = this.#now + seconds
    for (;;) {
      await settled()
      this.#due.sort((one, other) => one.at - other.at)
      const [next] = this.#due
      if (!next || next.at > end) break
      this.#due.shift()
      this.#now = Math.max(this.#now, next.at)
      next.act()
    }
    this.#now = end
    await settled()
  }
}

/** Waits until what promises have to do with each other is done. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

/** Waits until something that the browser does is so; the limit is the test's own. @param {() => unknown} isSo */
export async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
}
