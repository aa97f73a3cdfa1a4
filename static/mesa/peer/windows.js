// The windows of one account in one browser profile: one leads, the others call it.
// Spec: docs/spec/web-app.md, section "Leader window"

import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { Bell, TooLate, within } from "../lib/timing.js"

const ANSWER_WITHIN_S = 2
const CALL_ID_BYTES = 16

/** What another window's call ended with. */
export class CallFailed extends Error {
  /** @param {string} code name of the error @param {string} message what it was, in a word */
  constructor(code, message) {
    super(message)
    this.code = code
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
 * @property {(isLeading: boolean) => void} [changed] this window began to lead, or another one does now
 */

/** This window among the others. */
export class Windows {
  #edges
  #channel
  #ended = new AbortController()
  /** @type {Promise<Leader> | null} */
  #leader = null
  #began = new Bell()
  /** @type {Map<string, (answer: any) => void>} */
  #asked = new Map()

  /** @param {Edges} edges */
  constructor(edges) {
    this.#edges = edges
    this.#channel = new BroadcastChannel(`mesa-peer/${edges.name}`)
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    void this.#queue()
  }

  /** Whether this window leads. */
  get isLeading() {
    return this.#leader !== null
  }

  /**
   * Has the leader do something. A leader that does not answer is replaced, and asked again: calls that write name what
   * they write, so that it is not done twice.
   *
   * @param {string} name
   * @param {...unknown} args
   * @returns {Promise<any>}
   * @throws {CallFailed}
   */
  async call(name, ...args) {
    for (;;) {
      const leader = this.#leader
      if (leader) return answered(leader, name, args)
      try {
        const asked = within(this.#edges.clock, ANSWER_WITHIN_S, this.#ask(name, args))
        // This window's own turn may come meanwhile, as it does at a start: then nobody else answers.
        const answer = await Promise.race([asked, this.#began.rung()])
        if (answer) return valueOf(answer)
      } catch (error) {
        if (!(error instanceof TooLate)) throw error
        if (!this.#leader) await this.#steal()
      }
    }
  }

  /** Leaves: the next window takes over. */
  close() {
    this.#ended.abort()
    this.#channel.close()
    void this.#resign()
  }

  /** @param {string} name @param {unknown[]} args */
  #ask(name, args) {
    const call = toHex(randomBytes(CALL_ID_BYTES))
    return new Promise((resolve) => {
      this.#asked.set(call, resolve)
      this.#channel.postMessage({ call, name, args })
    }).finally(() => this.#asked.delete(call))
  }

  /** @param {any} data */
  async #hear(data) {
    if ("event" in data) this.#edges.told(data.event)
    else if ("answer" in data) this.#asked.get(data.answer)?.(data)
    else if (this.#leader) {
      const result = await answered(this.#leader, data.name, data.args).then(
        (value) => ({ value }),
        ({ code, message }) => ({ error: { code, message } }),
      )
      this.#say({ answer: data.call, ...result })
    }
  }

  /** Waits for its turn to lead. */
  async #queue() {
    const { signal } = this.#ended
    await navigator.locks.request(this.#channel.name, { signal }, () => this.#lead()).catch(() => {})
    // The lock was taken away: another window leads, and this one stands in line again.
    await this.#resign()
    if (!signal.aborted) void this.#queue()
  }

  /** @returns {Promise<void>} when this window leads */
  #steal() {
    return new Promise((resolve) => {
      const lead = () => {
        const ends = this.#lead()
        resolve()
        return ends
      }
      navigator.locks
        .request(this.#channel.name, { steal: true }, lead)
        .catch(() => {})
        .finally(() => this.#resign())
    })
  }

  /** Leads until this window closes or loses the lock. */
  async #lead() {
    if (this.#ended.signal.aborted) return
    this.#leader = this.#edges.lead((event) => this.#tell(event))
    // Whoever calls is told why there is none.
    this.#leader.catch(() => {})
    this.#began.ring()
    this.#edges.changed?.(true)
    await new Promise((resolve) => this.#ended.signal.addEventListener("abort", resolve))
  }

  async #resign() {
    const leader = this.#leader
    this.#leader = null
    if (!leader) return
    this.#edges.changed?.(false)
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

/** @param {Promise<Leader>} leader @param {string} name @param {unknown[]} args */
async function answered(leader, name, args) {
  try {
    return await (await leader).call(name, args)
  } catch (error) {
    const { name, code, message } = /** @type {Error & {code?: string}} */ (error)
    // What the server said is a word for people; the browser's own sentences are not.
    throw error instanceof CallFailed ? error : new CallFailed(name, code || message)
  }
}

/** @param {any} answer */
function valueOf({ value, error }) {
  if (error) throw new CallFailed(error.code, error.message)
  return value
}
