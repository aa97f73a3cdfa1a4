// This end of one link: carries out what the link table says, and keeps frames while they can not be sent.
// Spec: docs/spec/links.md

import { toHex } from "../lib/bytes.js"
import { TooLate, within } from "../lib/timing.js"
import { LINK_FRAME_BYTES, QUEUED_FRAMES, QUEUED_FRAMES_PER_HOP } from "../protocol/cells.js"
import { UnexpectedEvent } from "../protocol/errors.js"
import { HOP_ID_BYTES } from "../protocol/ids.js"
import { CONFIRMED_WITHIN_S, FIRST_CELL_S, LINK_IDLE_S, Link, SET_UP_DEADLINE_S } from "../protocol/link.js"
import { TransportFailed } from "./rtc.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/link.js").Do} Do */
/** @typedef {import("../protocol/link.js").LinkEvent} LinkEvent */
/** @typedef {import("../protocol/link.js").LinkState} LinkState */
/** @typedef {import("./rtc.js").MakeTransport} MakeTransport */
/** @typedef {"sent" | "dropped" | "gone"} Sent dropped: the link is well, but too much waits for it already */

/**
 * Where a link tells what happened to it.
 *
 * @typedef {object} LinkReports
 * @property {(link: Bytes) => void} up
 * @property {(link: Bytes) => void} down
 * @property {(link: Bytes) => void} gone
 * @property {(link: Bytes, description: string) => void} answer
 * @property {(link: Bytes, frame: Bytes) => void} received
 */

const HIGH_WATER_BYTES = 1_024 * 1_024
// Between two looks for a confirmation; what is more was spent asleep, and the other end had no say in it.
const LOOK_COUNTS_S = 2

/** One end of a link, from its offer to its end. */
export class LinkEnd {
  keptUntil = 0
  #machine
  #reports
  #clock
  #transport
  /** @type {number | null} */
  #unconfirmed = null
  #lookedAt = 0
  #standsStillS = 0
  #stopDeadline = () => {}
  #description = ""
  /** @type {Bytes[]} */
  #queue = []
  /** @type {Map<string, number>} */
  #queuedByHop = new Map()

  /** @param {MakeTransport} make @param {LinkReports} reports @param {import("../lib/timing.js").Clock} clock @param {LinkState} state @param {Bytes} link */
  constructor(make, reports, clock, state, link) {
    this.link = link
    this.#machine = new Link(state)
    this.#reports = reports
    this.#clock = clock
    this.expect()
    this.#transport = make({
      opened: () => this.#feed("channel_opened"),
      closed: () => this.#feed("channel_closed"),
      received: (frame) => this.#received(frame),
      drained: () => this.#flush(),
    })
  }

  get state() {
    return this.#machine.state
  }

  /**
   * Stays, since an order names this link: for FIRST_CELL_S at least, in which cells will come.
   *
   * @param {boolean} [isOpen] the order says that the link is open. If it is, it stays as if a cell had come: the
   *     server repeats such an order for a link that the other end holds
   */
  expect(isOpen = false) {
    const stayS = isOpen && this.state === "open" ? LINK_IDLE_S : FIRST_CELL_S
    this.keptUntil = Math.max(this.keptUntil, this.#clock.now() + stayS)
  }

  /** Stays for LINK_IDLE_S: a genuine cell went over this link. Anything else proves nothing (T-14). */
  used() {
    this.keptUntil = this.#clock.now() + LINK_IDLE_S
  }

  /** Tells whether the other end confirms nothing of what was sent; to be asked about once a second. */
  standsStill() {
    const [now, { unconfirmed }] = [this.#clock.now(), this.#transport]
    if (unconfirmed === null || unconfirmed !== this.#unconfirmed) this.#standsStillS = 0
    else this.#standsStillS += Math.min(now - this.#lookedAt, LOOK_COUNTS_S)
    this.#lookedAt = now
    this.#unconfirmed = unconfirmed
    return this.#standsStillS >= CONFIRMED_WITHIN_S
  }

  /** Makes the offer of a link in stock. @returns {Promise<string>} @throws {TransportFailed} none in time */
  async offer() {
    try {
      return await within(this.#clock, SET_UP_DEADLINE_S, this.#transport.offer())
    } catch (error) {
      throw error instanceof TooLate ? new TransportFailed() : error
    }
  }

  /** Somebody took our offer: waits for the answer under this link id. @param {Bytes} link */
  take(link) {
    this.link = link
    this.expect()
    this.#feed("taken")
  }

  /** @param {string} description */
  answerOffer(description) {
    this.#description = description
    this.#feed("offered")
  }

  /** @param {string} description */
  acceptAnswer(description) {
    this.#description = description
    this.#feed("answered")
  }

  /** Forgets the link without a report: the server knows, or never knew. */
  drop() {
    this.#feed("dropped")
  }

  /** Ends the link and reports it. */
  close() {
    this.#feed("channel_closed")
  }

  /** Sends a frame now or as soon as the link takes it. @param {Bytes} frame @returns {Sent} */
  send(frame) {
    if (this.state === "closed") return "gone"
    const hop = hopOf(frame)
    const ofHop = this.#queuedByHop.get(hop) ?? 0
    if (this.#queue.length >= QUEUED_FRAMES || ofHop >= QUEUED_FRAMES_PER_HOP) return "dropped"
    this.#queue.push(frame)
    this.#queuedByHop.set(hop, ofHop + 1)
    this.#flush()
    return "sent"
  }

  #flush() {
    while (this.state === "open" && this.#transport.bufferedBytes < HIGH_WATER_BYTES) {
      const frame = this.#queue.shift()
      if (!frame) return
      this.#uncount(hopOf(frame))
      try {
        this.#transport.send(frame)
        this.used()
      } catch {
        this.#feed("channel_closed")
      }
    }
  }

  /** @param {string} hop */
  #uncount(hop) {
    const left = (this.#queuedByHop.get(hop) ?? 1) - 1
    if (left > 0) this.#queuedByHop.set(hop, left)
    else this.#queuedByHop.delete(hop)
  }

  /** @param {Bytes | null} frame */
  #received(frame) {
    if (frame?.length === LINK_FRAME_BYTES) this.#reports.received(this.link, frame)
    else this.close()
  }

  /** @param {LinkEvent} event */
  #feed(event) {
    try {
      for (const command of this.#machine.receive(event)) this.#carryOut(command)
    } catch (error) {
      // Out of order: what the other side or the server did makes no sense here, and changes nothing.
      if (!(error instanceof UnexpectedEvent)) throw error
    }
  }

  /** @param {Do} command */
  #carryOut(command) {
    switch (command) {
      case "start_deadline":
        this.#stopDeadline = this.#clock.after(SET_UP_DEADLINE_S, () => this.#feed("timed_out"))
        return
      case "stop_deadline":
        return this.#stopDeadline()
      case "make_answer":
        return void this.#described(async () => {
          this.#reports.answer(this.link, await this.#transport.answer(this.#description))
        })
      case "apply_answer":
        return void this.#described(() => this.#transport.accept(this.#description))
      case "flush":
        return this.#flush()
      case "close":
        return this.#close()
      case "report_up":
        return this.#reports.up(this.link)
      case "report_down":
        return this.#reports.down(this.link)
    }
  }

  /** @param {() => Promise<void>} describe */
  async #described(describe) {
    try {
      await within(this.#clock, SET_UP_DEADLINE_S, describe())
    } catch (error) {
      if (!(error instanceof TransportFailed || error instanceof TooLate)) throw error
      this.#feed("channel_closed")
    }
  }

  #close() {
    this.#stopDeadline()
    this.#queue = []
    this.#queuedByHop.clear()
    this.#reports.gone(this.link)
    this.#transport.close()
  }
}

/** @param {Bytes} frame */
function hopOf(frame) {
  return toHex(frame.subarray(0, HOP_ID_BYTES))
}
