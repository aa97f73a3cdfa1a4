// Fragments become envelopes again, within bounds. Spec: docs/spec/cells.md, section "Receiver must"

import { concat, equal, toHex } from "../lib/bytes.js"
import { CREDIT_EVERY, FRAGMENT_BYTES, MAX_ENVELOPE_BYTES, WINDOW, needCell } from "./cells.js"
import { HOP_ID_BYTES } from "./ids.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./cells.js").Fragment} Fragment */
/**
 * What one fragment brought: the whole envelope, or credit to give, or neither.
 *
 * @typedef {{envelope: Bytes | null, creditIndex: number | null}} Progress
 */

export const MAX_STREAMS = 64
export const MAX_STREAMS_OF_ALL_HOPS = 512
export const MAX_UNFINISHED_BYTES = 2 * 1_024 * 1_024
export const MAX_UNFINISHED_BYTES_OF_ALL_HOPS = 8 * 1_024 * 1_024
export const STREAM_IDLE_S = 30
// What a sender that keeps to the window can have unfinished: less than this, also while one more begins. A
// stream of one cell is never unfinished, so the window holds half as many streams as cells.
export const FAIR_STREAMS = WINDOW / 2
const FAIR_ENVELOPES = 2
export const STALLED_S = 2
export const LONE_HOP = new Uint8Array(HOP_ID_BYTES)

/** What is there of one envelope. */
class Stream {
  /** @type {Map<number, Bytes>} */
  bodies = new Map()
  sizeBytes = 0
  #contiguous = -1
  #credited = -1

  /**
   * @param {number} count
   * @param {number} lastAt when it last got a fragment that it had not
   */
  constructor(count, lastAt) {
    this.count = count
    this.lastAt = lastAt
  }

  /** @param {Fragment} fragment @param {number} now */
  store({ index, body }, now) {
    this.bodies.set(index, body)
    this.sizeBytes += body.length
    this.lastAt = now
    while (this.bodies.has(this.#contiguous + 1)) this.#contiguous++
  }

  /** @returns {Bytes | null} */
  whole() {
    if (this.bodies.size < this.count) return null
    return concat(...Array.from({ length: this.count }, (_, index) => this.#body(index)))
  }

  /** @returns {number | null} the index to give credit for */
  credit() {
    // So never for a stream of eight fragments: it would be whole.
    if (this.#contiguous - this.#credited < CREDIT_EVERY) return null
    this.#credited = this.#contiguous
    return this.#contiguous
  }

  /** @param {number} index */
  #body(index) {
    return /** @type {Bytes} */ (this.bodies.get(index))
  }
}

/** What one hop has brought so far; streams in the order in which they last got a new fragment. */
class HopStreams {
  /** @type {Map<string, Stream>} */
  streams = new Map()
  sizeBytes = 0

  get isOver() {
    return this.streams.size > MAX_STREAMS || this.sizeBytes > MAX_UNFINISHED_BYTES
  }

  /** When the stream that has stood still longest got its last fragment. */
  get lastAt() {
    return this.streams.values().next().value?.lastAt ?? Infinity
  }

  /** How much it holds, in units of what an honest sender may need. @param {number} fairBytes */
  share(fairBytes) {
    return Math.max(this.streams.size / FAIR_STREAMS, this.sizeBytes / fairBytes)
  }

  /** @param {string} id @param {Stream} stream @param {Fragment} fragment @param {number} now */
  store(id, stream, fragment, now) {
    stream.store(fragment, now)
    this.sizeBytes += fragment.body.length
    this.streams.delete(id)
    this.streams.set(id, stream)
  }

  /** @param {string} id */
  forget(id) {
    this.sizeBytes -= this.streams.get(id)?.sizeBytes ?? 0
    this.streams.delete(id)
  }

  forgetOldest() {
    for (const id of this.streams.keys()) return this.forget(id)
  }
}

/**
 * Puts fragments of many streams together, bounded in number, size and time.
 *
 * What a hop brings displaces what the same hop brought. Past the bounds over all hops pays who stands
 * still, then who holds more than an honest sender needs, then who came last: neither one hop with much nor
 * many hops with little push out a message that is on its way (T-14).
 *
 * Pure: time in seconds is passed in.
 */
export class Reassembler {
  #maxFragments
  #fairBytes
  // In the order in which the hops began to hold something.
  /** @type {Map<string, HopStreams>} */
  #hops = new Map()

  constructor(maxEnvelopeBytes = MAX_ENVELOPE_BYTES) {
    this.#maxFragments = Math.ceil(maxEnvelopeBytes / FRAGMENT_BYTES)
    this.#fairBytes = FAIR_ENVELOPES * maxEnvelopeBytes
  }

  /** How many streams wait for fragments. */
  get unfinishedStreams() {
    return [...this.#hops.values()].reduce((total, held) => total + held.streams.size, 0)
  }

  /** How much is kept of them. */
  get unfinishedBytes() {
    return [...this.#hops.values()].reduce((total, held) => total + held.sizeBytes, 0)
  }

  /**
   * Takes one fragment that came in over a hop; without one all count as of the same hop.
   *
   * @param {Fragment} fragment
   * @param {number} now in seconds
   * @param {Uint8Array} [hop]
   * @returns {Progress}
   * @throws {CellError} it contradicts its stream, or its stream is too large; the stream is unchanged
   */
  add(fragment, now, hop = LONE_HOP) {
    needCell(fragment.count <= this.#maxFragments, "a stream is too large")
    this.#expire(now)
    const held = this.#heldOf(toHex(hop))
    const id = toHex(fragment.stream)
    const stream = held.streams.get(id) ?? new Stream(fragment.count, now)
    needCell(fragment.count === stream.count, "a fragment's count is not its stream's")
    const known = stream.bodies.get(fragment.index)
    needCell(!known || equal(known, fragment.body), "a fragment came twice with other bytes")
    if (!known) held.store(id, stream, fragment, now)
    const envelope = stream.whole()
    if (envelope) held.forget(id)
    else this.#makeSpace(held, now)
    return { envelope, creditIndex: held.streams.has(id) ? stream.credit() : null }
  }

  /** @param {string} hop */
  #heldOf(hop) {
    const held = this.#hops.get(hop) ?? new HopStreams()
    this.#hops.set(hop, held)
    return held
  }

  /** @param {number} now */
  #expire(now) {
    for (const [hop, held] of this.#hops) {
      while (now - held.lastAt > STREAM_IDLE_S) held.forgetOldest()
      if (held.streams.size === 0) this.#hops.delete(hop)
    }
  }

  /** @param {HopStreams} held @param {number} now */
  #makeSpace(held, now) {
    while (held.isOver) held.forgetOldest()
    while (
      this.unfinishedStreams > MAX_STREAMS_OF_ALL_HOPS ||
      this.unfinishedBytes > MAX_UNFINISHED_BYTES_OF_ALL_HOPS
    )
      this.#payer(now)?.forgetOldest()
  }

  /** The hop that gives up its stream longest without a new fragment. @param {number} now */
  #payer(now) {
    const hops = [...this.#hops.values()].filter((held) => held.streams.size > 0)
    const stalled = hops.reduce((one, other) => (other.lastAt < one.lastAt ? other : one))
    if (now - stalled.lastAt >= STALLED_S) return stalled
    const share = (/** @type {HopStreams} */ held) => held.share(this.#fairBytes)
    const largest = hops.reduce((one, other) => (share(other) > share(one) ? other : one))
    return share(largest) > 1 ? largest : hops.at(-1)
  }
}
