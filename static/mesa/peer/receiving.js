// From payloads of cells to envelopes, and from receipts to frames that keep the socket's rate.
// Spec: docs/spec/cells.md, section "Receiver must"

import { equal } from "../lib/bytes.js"
import { pause } from "../lib/timing.js"
import { unpackFragment } from "../protocol/cells.js"
import { CellError } from "../protocol/errors.js"
import { MAX_RECEIPT_ENTRIES } from "../protocol/limits.js"
import { Reassembler } from "../protocol/reassembly.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").ReceiptEntry} ReceiptEntry */
/** @typedef {import("../protocol/parts.js").Credit} Credit */
/** @typedef {{hop: Bytes, entry?: ReceiptEntry, credit?: Credit}} Waiting */

/**
 * @typedef {object} ReceivingParts
 * @property {(envelopes: Bytes[]) => Promise<(ReceiptEntry | null)[]>} take stores envelopes that arrived together
 * @property {(frame: import("../protocol/frames.js").FrameToServer) => void} send
 * @property {import("../lib/timing.js").Clock} clock
 * @property {(error: unknown) => void} fail
 */

// One commit for so many envelopes at most.
const TAKEN_AT_ONCE = 16
const MAX_ARRIVED = 1_024
const QUEUED_RECEIPTS = 4_096
const BETWEEN_FRAMES_S = 0.02

/** Takes what ends at this peer, and sends receipts and credit for it. */
export class Receiving {
  #parts
  #reassembler = new Reassembler()
  /** @type {{hop: Bytes, envelope: Bytes}[]} */
  #arrived = []
  /** @type {Waiting[]} */
  #waiting = []
  #isTaking = false
  #isSending = false

  /** @param {ReceivingParts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /** Takes the payload of one cell that came in over a hop; what is malformed is dropped. @param {Bytes} hop @param {Bytes} payload */
  payload(hop, payload) {
    try {
      const fragment = unpackFragment(payload)
      const { envelope, creditIndex } = this.#reassembler.add(fragment, this.#parts.clock.now(), hop)
      if (envelope) this.#arrive(hop, envelope)
      else if (creditIndex !== null)
        this.#queue({ hop, credit: { stream: fragment.stream, index: creditIndex } })
    } catch (error) {
      if (!(error instanceof CellError)) throw error
    }
  }

  /** @param {Bytes} hop @param {Bytes} envelope */
  #arrive(hop, envelope) {
    // Without a receipt it is sent again.
    if (this.#arrived.length >= MAX_ARRIVED) return
    this.#arrived.push({ hop, envelope })
    if (!this.#isTaking) void this.#takeArrived().catch(this.#parts.fail)
  }

  /** Takes what arrived, together with what comes while the commit before is on its way. */
  async #takeArrived() {
    this.#isTaking = true
    try {
      while (this.#arrived.length > 0) {
        const taken = this.#arrived.splice(0, TAKEN_AT_ONCE)
        const entries = await this.#parts.take(taken.map(({ envelope }) => envelope))
        entries.forEach((entry, at) => entry && this.#queue({ hop: taken[at].hop, entry }))
      }
    } finally {
      this.#isTaking = false
    }
  }

  /** @param {Waiting} item */
  #queue(item) {
    this.#waiting.push(item)
    if (this.#waiting.length > QUEUED_RECEIPTS) this.#waiting.shift()
    if (!this.#isSending) void this.#send().catch(this.#parts.fail)
  }

  /** Sends what waits: at once when there was a pause, and in bundles under load. */
  async #send() {
    this.#isSending = true
    while (this.#waiting.length > 0) {
      this.#parts.send(this.#nextFrame())
      await pause(this.#parts.clock, BETWEEN_FRAMES_S)
    }
    this.#isSending = false
  }

  /** Takes as many as one frame holds: entries of one hop, and one credit. */
  #nextFrame() {
    const [{ hop }] = this.#waiting
    /** @type {ReceiptEntry[]} */
    const entries = []
    /** @type {Credit | null} */
    let credit = null
    while (this.#waiting.length > 0 && entries.length < MAX_RECEIPT_ENTRIES) {
      const next = this.#waiting[0]
      if (!equal(next.hop, hop)) break
      if (next.entry) entries.push(next.entry)
      else if (next.credit && (!credit || equal(credit.stream, next.credit.stream))) credit = next.credit
      else break
      this.#waiting.shift()
    }
    return { type: /** @type {const} */ ("receipt"), hop, entries, credit }
  }
}
