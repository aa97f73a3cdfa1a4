// The windows of one account in one browser profile: one leads, the others call it.
// Spec: docs/spec/web-app.md, section "Leader window"

import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { TooLate, aborted, within } from "../lib/timing.js"

// A leader says at once that it has heard; only a frozen one does not.
const HEARD_WITHIN_S = 2
// As long as a request to the server may take, and one after it.
const ANSWER_WITHIN_S = 120
const NAME_BYTES = 16

/** What another window's call ended with. */
export class CallFailed extends Error {
  /** @param {string} code name of the error @param {string} message what it was, in a word @param {number | null} [retryAfterS] */
  constructor(code, message, retryAfterS = null) {
    super(message)
    this.code = code
    this.retryAfterS = retryAfterS
  }
}

/**
 * What a leader does: `call` answers after the commit, `stop` ends everything at once.
 *
 * @typedef {{call: (name: string, args: unknown[]) => Promise<unknown>, stop: () => void}} Leader
 */

/**
 * @typedef {object} Edges
 * @property {string} name of the account's database
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(tell: (event: object) => void) => Promise<Leader>} lead begins to lead; `tell` reaches all windows
 * @property {(event: object) => void} told takes an event, whichever window it comes from
 * @property {(name: string) => BroadcastChannel} [openChannel]
 * @property {(isLeading: boolean) => void} [changed] this window began to lead, or another one does now
 */

/** This window among the others. */
export class Windows {
  #edges
  #channel
  #ended = new AbortController()
  /** @type {Promise<Leader> | null} */
  #leader = null
  /** @type {Map<string, {heard: () => void, answered: (answer: any) => void}>} */
  #asked = new Map()
  #mark

  /** @param {Edges} edges */
  constructor(edges) {
    this.#edges = edges
    this.#mark = `mesa-leader/${edges.name}/`
    const { openChannel = (called) => new BroadcastChannel(called) } = edges
    this.#channel = openChannel(`mesa-peer/${edges.name}`)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    void this.#queue()
  }

  /** Whether this window leads. */
  get isLeading() {
    return this.#leader !== null
  }

  /**
   * Has the leader do something. A leader that does not answer is replaced, and whoever leads next is asked again: calls
   * that write name what they write, so that it is not done twice.
   *
   * @param {string} name
   * @param {...unknown} args
   * @returns {Promise<any>}
   * @throws {CallFailed}
   */
  async call(name, ...args) {
    for (;;) {
      const leader = this.#leader
      try {
        if (leader) return await answered(leader, name, args)
        const answer = await this.#ask(name, args)
        if (answer) return valueOf(answer)
      } catch (error) {
        // This window led until now: whoever does so instead is asked again.
        if (!leader || !isLost(error)) throw error
        await this.#resign(leader)
      }
    }
  }

  /** Leaves: the next window takes over. */
  close() {
    this.#ended.abort()
    this.#channel.close()
    void this.#resign()
  }

  /** @param {string} name @param {unknown[]} args @returns {Promise<any>} null: another window leads by now, or this one */
  async #ask(name, args) {
    const { clock } = this.#edges
    const call = randomName()
    const leaders = this.#leaders()
    const asked = { heard: () => {}, answered: (/** @type {any} */ _answer) => {} }
    this.#asked.set(call, asked)
    const answer = new Promise((resolve) => (asked.answered = resolve))
    const heard = new Promise((resolve) => (asked.heard = () => resolve(undefined)))
    try {
      this.#channel.postMessage({ call, name, args })
      await within(clock, HEARD_WITHIN_S, Promise.race([heard, answer]))
      return await within(clock, ANSWER_WITHIN_S, answer)
    } catch (error) {
      if (!(error instanceof TooLate)) throw error
      await this.#steal(await leaders)
      return null
    } finally {
      this.#asked.delete(call)
    }
  }

  /** @param {any} data */
  async #hear(data) {
    if ("event" in data) this.#edges.told(data.event)
    else if ("leads" in data) this.#changed()
    else if ("heard" in data) this.#asked.get(data.heard)?.heard()
    else if ("answer" in data) this.#asked.get(data.answer)?.answered(data)
    else if (this.#leader) {
      this.#say({ heard: data.call })
      await this.#answer(this.#leader, data)
    }
  }

  /** @param {Promise<Leader>} leader @param {{call: string, name: string, args: unknown[]}} asked */
  async #answer(leader, { call, name, args }) {
    try {
      this.#say({ answer: call, value: await answered(leader, name, args) })
    } catch (error) {
      // Whoever leads instead has heard the call too, and answers it.
      if (isLost(error)) return this.#resign(leader)
      const { code, message, retryAfterS } = /** @type {CallFailed} */ (error)
      this.#say({ answer: call, error: { code, message, retryAfterS } })
    }
  }

  /** Waits for its turn to lead; when the lock was taken away, this window stands in line again. */
  async #queue() {
    const { signal } = this.#ended
    while (!signal.aborted) await this.#lead({ signal })
  }

  /** Takes the lock from those who lead, if they are the ones who were asked. @param {string} asked */
  #steal(asked) {
    return navigator.locks.request(`mesa-theft/${this.#edges.name}`, async () => {
      const isTheSame = (await this.#leaders()) === asked && !this.#leader
      // Until this window is among those who lead, nobody else steals.
      if (isTheSame) await new Promise((resolve) => void this.#lead({ steal: true }, resolve))
    })
  }

  /** Names those who lead: more than one, if one was stolen from and does not know yet. */
  async #leaders() {
    const { held = [] } = await navigator.locks.query()
    const names = held.map(({ name = "" }) => name).filter((name) => name.startsWith(this.#mark))
    return names.sort().join()
  }

  /** Leads from when it gets the lock until this window closes or loses it. @param {LockOptions} how @param {(value?: any) => void} [began] */
  async #lead(how, began = () => {}) {
    const over = new AbortController()
    const begin = () => {
      if (this.#ended.signal.aborted) return undefined
      const leader = this.#begin()
      over.signal.addEventListener("abort", () => void this.#resign(leader))
      void navigator.locks.request(`${this.#mark}${randomName()}`, () => {
        began()
        return aborted(over.signal)
      })
      return aborted(this.#ended.signal)
    }
    await navigator.locks.request(this.#channel.name, how, begin).catch(() => {})
    over.abort()
    began()
  }

  #begin() {
    void this.#resign()
    const leader = (this.#leader = this.#edges.lead((event) => this.#tell(event)))
    // Whoever calls is told why there is none.
    leader.catch(() => {})
    this.#say({ leads: true })
    this.#changed()
    return leader
  }

  /** Another leader than before: what is asked meanwhile is asked again. */
  #changed() {
    for (const { answered } of this.#asked.values()) answered(null)
    this.#edges.changed?.(this.isLeading)
  }

  /** @param {Promise<Leader> | null} [leader] unless another one leads here by now */
  async #resign(leader = this.#leader) {
    if (!leader || leader !== this.#leader) return
    this.#leader = null
    if (!this.#ended.signal.aborted) this.#edges.changed?.(false)
    await leader.then(
      ({ stop }) => stop(),
      () => {},
    )
  }

  /** @param {object} event */
  #tell(event) {
    this.#say({ event })
    this.#edges.told(event)
  }

  /** @param {object} data */
  #say(data) {
    // A leader may end what it was at after its window has left.
    if (!this.#ended.signal.aborted) this.#channel.postMessage(data)
  }
}

/** A name that nobody had before. */
function randomName() {
  return toHex(randomBytes(NAME_BYTES))
}

/** @param {Promise<Leader>} leader @param {string} name @param {unknown[]} args */
async function answered(leader, name, args) {
  try {
    return await (await leader).call(name, args)
  } catch (error) {
    const { name, code, message, retryAfterS } = /** @type {any} */ (error)
    // What the server said is a word for people; the browser's own sentences are not.
    throw error instanceof CallFailed ? error : new CallFailed(name, code || message, retryAfterS)
  }
}

/** @param {unknown} error */
function isLost(error) {
  return error instanceof CallFailed && error.code === "LeadershipLost"
}

/** @param {any} answer */
function valueOf({ value, error }) {
  if (error) throw new CallFailed(error.code, error.message, error.retryAfterS)
  return value
}
