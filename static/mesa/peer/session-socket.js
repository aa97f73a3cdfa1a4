// One socket of a session: frames go out at a rate that the server takes, texts come in as frames, and whatever ends it
// is one word. Spec: docs/spec/signaling.md, and docs/spec/web-app.md, section "Session socket in a page"

import { pause } from "../lib/timing.js"
import { BadFrame, ProtocolError } from "../protocol/errors.js"
import { parse, toText } from "../protocol/frames.js"
import { FRAMES_BURST, FRAMES_PER_S } from "../protocol/limits.js"
import { TO_PEER } from "../protocol/to-peer.js"
import { TO_SERVER } from "../protocol/to-server.js"

/** @typedef {import("../lib/timing.js").Clock} Clock */
/** @typedef {import("../protocol/frames.js").FrameToPeer} FrameToPeer */
/** @typedef {import("../protocol/frames.js").FrameToServer} FrameToServer */
/** @typedef {{opened: () => void, received: (frame: FrameToPeer) => void}} SocketEvents what they throw ends the socket */

// Below the server's limits, so that clocks that differ a little do no harm.
const PER_S = 0.8 * FRAMES_PER_S
const BURST = 0.5 * FRAMES_BURST
const HIGH_WATER_BYTES = 1_024 * 1_024
const DRAIN_LOOK_S = 0.25
const ANSWER_DEADLINE_S = 20
// A timer that is so late says nothing of the socket: the machine slept, or the page did.
const ASLEEP_S = 2

/** A bucket of frames that refills steadily. Pure: time in seconds is passed in. */
export class Pace {
  #perS
  #burst
  #left
  #at

  /** @param {number} perS @param {number} burst @param {number} now */
  constructor(perS, burst, now) {
    this.#perS = perS
    this.#burst = this.#left = burst
    this.#at = now
  }

  /** How long to wait before the next frame may go. @param {number} now */
  waitS(now) {
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perS)
    this.#at = now
    // In whole milliseconds: a timer can be set for nothing shorter.
    return Math.max(0, Math.ceil(((1 - this.#left) / this.#perS) * 1_000) / 1_000)
  }

  take() {
    this.#left -= 1
  }
}

/** A WebSocket of the browser, from its opening to its end. */
export class SessionSocket {
  /** How it ended: a close code, or a word of ours; rejects with what our own side failed with. @type {Promise<string>} */
  ended
  #raw
  #clock
  #pace
  #over = new AbortController()
  #isDraining = false
  #heard = 0
  /** @type {(cause: string) => void} */
  #end = () => {}
  /** @type {(error: unknown) => void} */
  #fail = () => {}

  /** @param {WebSocket} raw @param {Clock} clock @param {SocketEvents} events */
  constructor(raw, clock, events) {
    this.#raw = raw
    this.#clock = clock
    this.#pace = new Pace(PER_S, BURST, clock.now())
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
    })
    let hasOpened = false
    raw.onopen = () => {
      hasOpened = true
      this.#carefully(events.opened)
    }
    raw.onmessage = ({ data }) => this.#carefully(() => events.received(this.#frameOf(data)))
    // Why a socket does not open, no script is told.
    raw.onclose = ({ code }) => this.end(hasOpened ? String(code) : "unreachable")
  }

  /** Aborted when the socket is at its end. @returns {AbortSignal} */
  get over() {
    return this.#over.signal
  }

  /** Sends a frame past all that wait. @param {FrameToServer} frame @throws {ProtocolError} no frame, or one too long */
  send(frame) {
    // Closing already: the event that says so is on its way.
    if (this.#raw.readyState !== 1) return
    this.#raw.send(toText(frame, TO_SERVER))
    if (frame.type === "ice_client") void this.#expectAnswer()
  }

  /** Sends what waits, and takes it off the list. @param {FrameToServer[]} waiting */
  async drain(waiting) {
    if (this.#isDraining) return
    this.#isDraining = true
    while (waiting.length > 0 && !this.over.aborted) {
      const isFull = this.#raw.bufferedAmount > HIGH_WATER_BYTES
      const waitS = isFull ? DRAIN_LOOK_S : this.#pace.waitS(this.#clock.now())
      if (waitS > 0) await pause(this.#clock, waitS, this.over)
      else this.#take(waiting)
    }
    this.#isDraining = false
  }

  /** Closes the socket; the first cause stays. @param {string} cause */
  end(cause) {
    this.#end(cause)
    this.#close()
  }

  /** @param {FrameToServer[]} waiting */
  #take(waiting) {
    const frame = waiting.shift()
    this.#pace.take()
    this.#carefully(() => frame && this.send(frame))
  }

  /** @param {unknown} data */
  #frameOf(data) {
    this.#heard += 1
    if (typeof data !== "string") throw new BadFrame("a frame is not text")
    return parse(data, TO_PEER)
  }

  /** Does what may fail: the server broke the protocol, or there is a defect here. @param {() => void} act */
  #carefully(act) {
    if (this.over.aborted) return
    try {
      act()
    } catch (error) {
      if (error instanceof ProtocolError) return this.end("protocol")
      this.#fail(error)
      this.#close()
    }
  }

  /** Ends a socket on which nothing comes any more: a page can not ping, but `ice_client` is always answered. */
  async #expectAnswer() {
    const heard = this.#heard
    for (let lateS = Infinity; lateS > ASLEEP_S && !this.over.aborted;) {
      const due = this.#clock.now() + ANSWER_DEADLINE_S
      await pause(this.#clock, ANSWER_DEADLINE_S, this.over)
      lateS = this.#clock.now() - due
    }
    if (this.#heard === heard) this.end("silent")
  }

  #close() {
    this.#over.abort()
    this.#raw.close()
  }
}
