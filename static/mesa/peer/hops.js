// The hop table: where a cell that came in over one hop goes out. Pure: time in seconds is passed in.
// Spec: docs/spec/cells.md, section "Forwarder must"

import { ReplayWindow } from "../crypto/onion.js"
import { equal, toHex } from "../lib/bytes.js"
import { HOP_IDLE_S, HOP_LIFE_S, PENDING_CELLS, PENDING_S } from "../protocol/cells.js"
import { MAX_HOPS } from "../protocol/limits.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").Order} Order */
/** @typedef {{hop: Bytes, cell: Bytes}} LinkFrame */

const MAX_PENDING_LINKS = 64
// A snapshot that was taken just before an order does not list its hops yet.
const SNAPSHOT_LAG_S = 5

/** This peer's place on one path: what comes in here goes out there. */
export class Hop {
  cells = 0
  isFailed = false
  replay = new ReplayWindow()

  /** @param {Order} incoming @param {Order} outgoing @param {number} now */
  constructor(incoming, outgoing, now) {
    this.linkIn = incoming.link
    this.incoming = incoming.hop
    this.linkOut = outgoing.link
    this.outgoing = outgoing.hop
    this.orderedAt = now
    this.expiresAt = now + HOP_IDLE_S
  }

  /** Lives on for HOP_IDLE_S, up to HOP_LIFE_S from the order. @param {number} now */
  extend(now) {
    this.expiresAt = Math.min(now + HOP_IDLE_S, this.orderedAt + HOP_LIFE_S)
  }
}

/** The hops this peer was told of, and the cells that came before their order. */
export class HopTable {
  /** @type {Map<string, Hop>} */
  #hops = new Map()
  /** @type {Map<string, {at: number, frame: LinkFrame}[]>} */
  #pending = new Map()

  /** Enters a hop; a repeated order prolongs it. @param {Order} incoming @param {Order} outgoing @param {number} now */
  order(incoming, outgoing, now) {
    const key = keyOf(incoming.link, incoming.hop)
    const known = this.#hops.get(key)
    if (known) {
      known.orderedAt = now
      known.extend(now)
      return known
    }
    while (this.#hops.size >= MAX_HOPS) deleteFirst(this.#hops)
    const hop = new Hop(incoming, outgoing, now)
    this.#hops.set(key, hop)
    return hop
  }

  /** Looks up a live hop by the link it was announced on; on any other link it is unknown. @param {Bytes} link @param {Bytes} hop @param {number} now */
  find(link, hop, now) {
    const found = this.#hops.get(keyOf(link, hop))
    return found && found.expiresAt >= now ? found : undefined
  }

  /** Keeps a cell whose hop is not known yet; the oldest goes when there are too many. @param {Bytes} link @param {LinkFrame} frame @param {number} now */
  hold(link, frame, now) {
    const key = toHex(link)
    if (!this.#pending.has(key) && this.#pending.size >= MAX_PENDING_LINKS) deleteFirst(this.#pending)
    const waiting = this.#pending.get(key) ?? []
    this.#pending.set(key, [...waiting, { at: now, frame }].slice(-PENDING_CELLS))
  }

  /** Gives out the cells that waited for a hop, oldest first. @param {Hop} hop @param {number} now @returns {LinkFrame[]} */
  release(hop, now) {
    const key = toHex(hop.linkIn)
    const fresh = (this.#pending.get(key) ?? []).filter(({ at }) => now - at <= PENDING_S)
    const others = fresh.filter(({ frame }) => !equal(frame.hop, hop.incoming))
    if (others.length > 0) this.#pending.set(key, others)
    else this.#pending.delete(key)
    return fresh.filter(({ frame }) => equal(frame.hop, hop.incoming)).map(({ frame }) => frame)
  }

  /** The hops whose cells go out over a link. @param {Bytes} link */
  leavingBy(link) {
    return [...this.#hops.values()].filter((hop) => equal(hop.linkOut, link))
  }

  /** Forgets what is over, silently. @param {number} now @returns {Hop[]} the hops that ended */
  expire(now) {
    for (const [link, waiting] of this.#pending) {
      if (now - (waiting.at(-1)?.at ?? 0) > PENDING_S) this.#pending.delete(link)
    }
    return this.#forget((hop) => hop.expiresAt < now)
  }

  /** Forgets the hops that a snapshot does not list. @param {Bytes[]} listed @param {number} now @returns {Hop[]} */
  keepOnly(listed, now) {
    const names = new Set(listed.map(toHex))
    const isListed = (/** @type {Hop} */ hop) =>
      names.has(toHex(hop.incoming)) || names.has(toHex(hop.outgoing))
    return this.#forget((hop) => !isListed(hop) && now - hop.orderedAt > SNAPSHOT_LAG_S)
  }

  /** Forgets everything. @returns {Hop[]} */
  clear() {
    this.#pending.clear()
    return this.#forget(() => true)
  }

  /** @param {(hop: Hop) => boolean} isOver */
  #forget(isOver) {
    const over = [...this.#hops].filter(([, hop]) => isOver(hop))
    for (const [key] of over) this.#hops.delete(key)
    return over.map(([, hop]) => hop)
  }
}

/** @param {Bytes} link @param {Bytes} hop */
function keyOf(link, hop) {
  return toHex(link) + toHex(hop)
}

/** @param {Map<string, unknown>} map */
function deleteFirst(map) {
  const [first] = map.keys()
  map.delete(first)
}
