// The windows of one account in one browser profile: one leads, the others call it.
// Spec: docs/spec/web-app.md, section "Leader window"

import { TooLate, aborted, pause, within } from "../lib/timing.js"
import { CallFailed } from "./call-failed.js"
import { channelOf } from "./lead-channel.js"
import { LeadLocks, randomName } from "./lead-locks.js"

// A leader says at once that it has heard; only a frozen one does not.
const HEARD_WITHIN_S = 2
// As long as a request to the server may take, and one after it.
const ANSWER_WITHIN_S = 120
// Another window may be the one that the server has taken instead, and learn so only now that it leads.
const REPLACED_FOR_S = 30
const [LOST, REPLACED] = ["LeadershipLost", "Replaced"]

/**
 * What a leader does: `call` answers after the commit, `stop` ends everything at once.
 *
 * @typedef {{call: (name: string, args: unknown[]) => Promise<unknown>, stop: () => void}} Leader
 */

/**
 * @typedef {object} Edges
 * @property {string} name of the account's database
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(tell: (event: object) => void, ended: (error: unknown) => void) => Promise<Leader>} lead begins to lead; `tell` reaches all windows, `ended` is for what the leader can not go on after
 * @property {(event: object) => void} told takes an event, whichever window it comes from
 * @property {(name: string) => BroadcastChannel} [openChannel]
 * @property {(isLeading: boolean) => void} [changed] this window began to lead, or another one does now
 */

/** @typedef {{leader: Promise<Leader>, over: AbortController}} Leadership */

/** This window among the others. */
export class Windows {
  #edges
  #channel
  #ended = new AbortController()
  #locks
  /** @type {Leadership | null} */
  #leadership = null
  /** What ended the peer of this window, which does not lead again. @type {CallFailed | null} */
  #aside = null
  /** @type {Map<string, {heard: () => void, answered: (answer: any) => void}>} */
  #asked = new Map()

  /** @param {Edges} edges */
  constructor(edges) {
    this.#edges = edges
    this.#locks = new LeadLocks(edges.name)
    const { openChannel = (called) => new BroadcastChannel(called) } = edges
    this.#channel = openChannel(channelOf(edges.name))
    this.#channel.onmessage = ({ data }) => this.#hear(data)
    void this.#queue()
  }

  /** Whether this window leads. */
  get isLeading() {
    return this.#leadership !== null
  }

  /**
   * Has the leader do something. A leader that does not answer is replaced, and whoever leads next is asked again: calls
   * that write name what they write, so that it is not done twice. After `close` nobody is answered.
   *
   * @param {string} name
   * @param {...unknown} args
   * @returns {Promise<any>}
   * @throws {CallFailed}
   */
  async call(name, ...args) {
    while (!this.#ended.signal.aborted) {
      const leadership = this.#leadership
      try {
        if (leadership) return await answered(leadership.leader, name, args)
        const answer = await this.#ask(name, args)
        if (answer?.error) throw CallFailed.from(answer.error)
        if (answer) return answer.value
      } catch (error) {
        // This window led until now: whoever does so instead is asked again.
        if (!leadership || !isLost(error)) throw error
        await this.#resign(leadership)
      }
    }
    return new Promise(() => {})
  }

  /** Leaves: the next window takes over. */
  close() {
    this.#ended.abort()
    this.#channel.close()
    for (const { answered } of this.#asked.values()) answered(null)
    void this.#resign()
  }

  /** @param {string} name @param {unknown[]} args @returns {Promise<any>} null: another window leads by now, or this one */
  async #ask(name, args) {
    const { clock } = this.#edges
    const call = randomName()
    const leaders = this.#locks.leaders()
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
      if (this.#aside) {
        this.#edges.told({ event: "failed", code: this.#aside.code })
        throw this.#aside
      }
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
    else if (this.#leadership) {
      this.#say({ heard: data.call })
      await this.#answer(this.#leadership, data)
    }
  }

  /** @param {Leadership} leadership @param {{call: string, name: string, args: unknown[]}} asked */
  async #answer(leadership, { call, name, args }) {
    try {
      this.#say({ answer: call, value: await answered(leadership.leader, name, args) })
    } catch (error) {
      // Whoever leads instead has heard the call too, and answers it.
      if (isLost(error)) return this.#resign(leadership)
      this.#say({ answer: call, error: /** @type {CallFailed} */ (error).plain })
    }
  }

  /** Waits for its turn to lead; when the lock is gone, this window stands in line again, unless its peer has failed. */
  async #queue() {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await this.#lead({ signal })
      if (this.#aside?.code === REPLACED) {
        await pause(this.#edges.clock, REPLACED_FOR_S, signal)
        this.#aside = null
      } else if (this.#aside) return
    }
  }

  /** Takes the lock from those who lead, if they are the ones who were asked. @param {string} asked */
  #steal(asked) {
    return this.#locks.aloneAmongThieves(async () => {
      const isTheSame = (await this.#locks.stillLead(asked)) && !this.#leadership
      // Until this window is among those who lead, nobody else steals.
      if (isTheSame) await new Promise((resolve) => void this.#lead({ steal: true }, resolve))
    })
  }

  /** Leads from when it gets the lock until this window closes, its leader ends, or the lock is taken away. @param {LockOptions} how @param {(value?: any) => void} [began] */
  async #lead(how, began = () => {}) {
    const over = new AbortController()
    const begin = () => {
      if (this.#ended.signal.aborted || this.#aside) return undefined
      const leadership = this.#begin(over)
      over.signal.addEventListener("abort", () => void this.#resign(leadership))
      void this.#locks.mark(over.signal, began)
      return aborted(over.signal)
    }
    await this.#locks.hold(how, begin).catch(() => {})
    over.abort()
    began()
  }

  /** @param {AbortController} over @returns {Leadership} */
  #begin(over) {
    void this.#resign()
    /** @param {unknown} error */
    const ended = (error) => void this.#failed(leadership, error)
    const leader = this.#edges.lead((event) => this.#tell(event), ended)
    const leadership = (this.#leadership = { leader, over })
    // Whoever calls is told why there is none.
    leader.catch(ended)
    this.#say({ leads: true })
    this.#changed()
    return leadership
  }

  /** A leader whose peer has ended leads no longer, nor does this window soon. @param {Leadership} leadership @param {unknown} error */
  #failed(leadership, error) {
    if (leadership !== this.#leadership) return
    const failure = CallFailed.from(error)
    if (failure.code !== LOST) this.#aside = failure
    void this.#resign(leadership)
  }

  /** Another leader than before: what is asked meanwhile is asked again. */
  #changed() {
    for (const { answered } of this.#asked.values()) answered(null)
    this.#edges.changed?.(this.isLeading)
  }

  /** @param {Leadership | null} [leadership] unless another one leads here by now */
  async #resign(leadership = this.#leadership) {
    if (!leadership || leadership !== this.#leadership) return
    this.#leadership = null
    // Whatever else puts it aside is told by itself.
    if (!this.#ended.signal.aborted && (this.#aside?.code ?? REPLACED) === REPLACED)
      this.#edges.changed?.(false)
    const stopped = leadership.leader.then(
      ({ stop }) => stop(),
      () => {},
    )
    leadership.over.abort()
    await stopped
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
    throw CallFailed.from(error)
  }
}

/** @param {unknown} error */
function isLost(error) {
  return error instanceof CallFailed && error.code === LOST
}
