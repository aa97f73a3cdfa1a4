// The session: opens sockets, greets, resumes, and comes back after a close that allows it.
// Spec: docs/spec/signaling.md, and docs/spec/web-app.md, section "Session socket in a page"

import { equal } from "../lib/bytes.js"
import { Bell, TooLate, pause, within } from "../lib/timing.js"
import { BadFrame, CLOSE_NAMES } from "../protocol/errors.js"
import { RESUME_S, SUBPROTOCOL } from "../protocol/limits.js"
import { LoginRefused, PeerError, Refused, Replaced } from "./errors.js"
import { SessionSocket } from "./session-socket.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/frames.js").FrameToPeer} FrameToPeer */
/** @typedef {import("../protocol/frames.js").FrameToServer} FrameToServer */
/** @typedef {FrameToPeer & {type: "welcome"}} Welcome */
/**
 * A welcome, and what it says by what changed. isForgotten: the server and all neighbours have forgotten this peer and
 * its links. isNewStore: the server has forgotten everything it did not write to its database.
 *
 * @typedef {{welcome: Welcome, isForgotten: boolean, isNewStore: boolean}} Greeting
 */
/**
 * What the session asks and tells.
 *
 * @typedef {object} SessionEdges
 * @property {() => Bytes[]} openLinks
 * @property {(greeting: Greeting) => void} welcomed
 * @property {(frame: Exclude<FrameToPeer, Welcome>) => void} received
 * @property {(event: object) => void} report
 */
/**
 * @typedef {object} SessionParts
 * @property {string} url
 * @property {new (url: string, protocols: string[]) => WebSocket} WebSocket
 * @property {{renew: () => Promise<void>}} rest gets new cookies when the server did not take the present ones
 * @property {import("../lib/timing.js").Clock} clock
 * @property {() => number} [jitter] from 0 to 1; it keeps no secret
 */

const OPEN_DEADLINE_S = 10
const WELCOME_DEADLINE_S = 10
const FIRST_RETRY_S = 1
const LAST_RETRY_S = 30
const STABLE_S = 30
const QUEUED_FRAMES = 1_024
const EPOCH_JITTER_S = 2

/** One peer session over as many sockets as it takes. */
export class Session {
  #parts
  #edges
  #jitter
  /** @type {SessionSocket | null} one that is greeted */
  #socket = null
  /** @type {FrameToServer[]} */
  #waiting = []
  #allSent = new Bell()
  #nudged = new AbortController()
  #stopDeadline = () => {}
  #isGreetingDue = false
  #hasGreeted = false
  #isNewStore = false
  /** @type {Bytes | null} */
  #resume = null
  /** @type {Bytes | null} */
  #epoch = null
  /** @type {number | null} */
  #closedAt = null
  #retryS = FIRST_RETRY_S

  /** @param {SessionParts} parts @param {SessionEdges} edges */
  constructor(parts, edges) {
    this.#parts = parts
    this.#edges = edges
    this.#jitter = parts.jitter ?? Math.random
  }

  get isOpen() {
    return this.#socket !== null
  }

  /** Sends a frame now, or after the next welcome; the oldest go when too many wait. @param {FrameToServer} frame */
  send(frame) {
    this.#waiting.push(frame)
    if (this.#waiting.length > QUEUED_FRAMES) this.#waiting.shift()
    void this.#drain()
  }

  /** Waits until the waiting frames are out, if there is a socket to take them. @param {number} seconds at most */
  async flush(seconds) {
    if (!this.isOpen || this.#waiting.length === 0) return
    await within(this.#parts.clock, seconds, this.#allSent.rung()).catch((error) => {
      if (!(error instanceof TooLate)) throw error
    })
  }

  /** Tries again at once: the network is back, or somebody looks at the page. A pause that the server asked for stays. */
  retryNow() {
    this.#retryS = FIRST_RETRY_S
    this.#nudged.abort()
  }

  /**
   * Keeps a socket open until the signal says so.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   * @throws {LoginRefused} the login has ended
   * @throws {Replaced} the device opened another socket
   * @throws {Refused} no common version, or a page of another origin
   */
  async run(signal) {
    const { clock } = this.#parts
    while (!signal.aborted) {
      const started = clock.now()
      const end = await this.#oneSocket(signal)
      if (clock.now() - started > STABLE_S) this.#retryS = FIRST_RETRY_S
      if (!signal.aborted) await this.#pause(end, signal)
    }
  }

  /** @param {{cause: string, retryAfterS: number}} end @param {AbortSignal} signal */
  async #pause({ cause, retryAfterS }, signal) {
    const { clock } = this.#parts
    const waitS = this.#jitter() * this.#retryS
    this.#retryS = Math.min(2 * this.#retryS, LAST_RETRY_S)
    this.#nudged = new AbortController()
    const retryS = Number((retryAfterS + waitS).toFixed(3))
    this.#edges.report({ event: "session_closed", cause, retry_s: retryS })
    await pause(clock, retryAfterS, signal)
    await pause(clock, waitS, AbortSignal.any([signal, this.#nudged.signal]))
  }

  /** Opens a socket and serves it to its end. @param {AbortSignal} signal */
  async #oneSocket(signal) {
    const { WebSocket, url, clock } = this.#parts
    const socket = new SessionSocket(new WebSocket(url, [SUBPROTOCOL]), clock, {
      opened: () => this.#opened(socket),
      received: (frame) => this.#received(frame, socket),
    })
    this.#setDeadline(OPEN_DEADLINE_S, "unreachable", socket)
    const stop = () => socket.end("stopped")
    signal.addEventListener("abort", stop)
    const cause = await socket.ended.finally(() => {
      this.#stopDeadline()
      signal.removeEventListener("abort", stop)
      if (this.#socket) this.#closedAt = clock.now()
      this.#socket = null
    })
    return this.#after(cause)
  }

  /** @param {number} seconds @param {string} cause @param {SessionSocket} socket */
  #setDeadline(seconds, cause, socket) {
    this.#stopDeadline()
    this.#stopDeadline = this.#parts.clock.after(seconds, () => socket.end(cause))
  }

  /** @param {SessionSocket} socket */
  #opened(socket) {
    this.#setDeadline(WELCOME_DEADLINE_S, "protocol", socket)
    if (this.#closedAt !== null && this.#parts.clock.now() - this.#closedAt > RESUME_S) this.#resume = null
    socket.send(this.#hello())
  }

  /** @param {FrameToPeer} frame @param {SessionSocket} socket */
  #received(frame, socket) {
    if (!this.#socket) return this.#greeted(frame, socket)
    if (frame.type !== "welcome") return this.#edges.received(frame)
    if (this.#hasGreeted) return this.#welcome(frame, false)
    // The store lost its memory: tell it again who is here, but not all peers at once.
    this.#noteEpoch(frame)
    this.#resume = frame.resume
    if (!this.#isGreetingDue) void this.#greetAgain(socket)
  }

  /** @param {FrameToPeer} frame @param {SessionSocket} socket */
  #greeted(frame, socket) {
    if (frame.type !== "welcome") throw new BadFrame("the first frame is no welcome")
    this.#stopDeadline()
    if (!frame.resumed) this.#waiting = []
    this.#noteEpoch(frame)
    this.#socket = socket
    this.#welcome(frame, !frame.resumed && !this.#isNewStore)
    void this.#drain()
  }

  /** @param {SessionSocket} socket */
  async #greetAgain(socket) {
    this.#isGreetingDue = true
    await pause(this.#parts.clock, this.#jitter() * EPOCH_JITTER_S, socket.over)
    this.#isGreetingDue = false
    if (socket.over.aborted) return
    this.#hasGreeted = true
    this.send(this.#hello())
  }

  /** @returns {FrameToServer} */
  #hello() {
    return { type: "hello", resume: this.#resume, epoch: this.#epoch, links: this.#edges.openLinks() }
  }

  /** @param {Welcome} welcome */
  #noteEpoch({ epoch }) {
    this.#isNewStore ||= this.#epoch !== null && !equal(this.#epoch, epoch)
    this.#epoch = epoch
  }

  /** @param {Welcome} welcome @param {boolean} isForgotten */
  #welcome(welcome, isForgotten) {
    const greeting = { welcome, isForgotten, isNewStore: this.#isNewStore }
    this.#resume = welcome.resume
    this.#hasGreeted = this.#isNewStore = false
    this.#edges.report({ event: "session_opened", resumed: welcome.resumed })
    this.#edges.welcomed(greeting)
  }

  async #drain() {
    const socket = this.#socket
    await socket?.drain(this.#waiting)
    if (this.#waiting.length === 0) this.#allSent.ring()
  }

  /** What follows from the end of a socket. @param {string} cause */
  async #after(cause) {
    const name = CLOSE_NAMES.get(Number(cause))
    if (name === "replaced") throw new Replaced(name)
    if (name === "origin_refused" || name === "version_unsupported") throw new Refused(name)
    try {
      if (name === "session_ended") await this.#parts.rest.renew()
    } catch (error) {
      if (error instanceof LoginRefused || !(error instanceof PeerError)) throw error
      // A server that gives no cookies now may do so later, whatever it calls its refusal.
      return { cause: "unreachable", retryAfterS: error.retryAfterS ?? 0 }
    }
    return { cause, retryAfterS: 0 }
  }
}
