// Takes cells from links: peels one layer, swaps the hop id, passes on, or hands in what ends here. Silent.
// Spec: docs/spec/cells.md, docs/spec/onion.md, and docs/spec/web-app.md, section "Forwarding in a tab"

import { CellRejected } from "../crypto/errors.js"
import { peel } from "../crypto/onion.js"
import { toHex } from "../lib/bytes.js"
import { packLinkFrame, unpackLinkFrame } from "../protocol/cells.js"
import { HopTable } from "./hops.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../protocol/parts.js").Order} Order */
/** @typedef {import("./hops.js").Hop} Hop */
/** @typedef {import("./hops.js").LinkFrame} LinkFrame */

/**
 * Where cells and news leave to. `send` tells whether the link is there; a full one drops in silence.
 *
 * @typedef {object} Exits
 * @property {(link: Bytes, frame: Bytes) => boolean} send
 * @property {(hop: Bytes, payload: Bytes) => void} deliver
 * @property {(hop: Bytes) => void} hopFailed
 * @property {(link: Bytes) => void} used a genuine cell came in over a link
 * @property {(event: object) => void} report
 */

// A tab can not pause its neighbours: what is more than this is dropped, and sent again by whoever sent it.
const WAITING_OF_LINK = 256
const WAITING_OF_HOP = 64
const AT_ONCE = 16

/** One peer's part in all paths it is on; ends and forwarders run the same code. */
export class Forwarding {
  /** How many cells were passed on. */
  carried = 0
  #exits
  #keys
  #clock
  #fail
  #table = new HopTable()
  /** @type {{hop: Hop, frame: LinkFrame}[]} */
  #waiting = []
  /** @type {Map<string, number>} */
  #load = new Map()
  #isAtWork = false

  /** @param {Exits} exits @param {() => import("../crypto/onion-keys.js").OnionKeys} keys @param {import("../lib/timing.js").Clock} clock @param {(error: unknown) => void} fail */
  constructor(exits, keys, clock, fail) {
    this.#exits = exits
    this.#keys = keys
    this.#clock = clock
    this.#fail = fail
  }

  /** Is ready for cells on a hop. @param {Order} incoming @param {Order} outgoing @param {boolean} hasWayOut whether its outgoing link can be brought up */
  order(incoming, outgoing, hasWayOut) {
    const hop = this.#table.order(incoming, outgoing, this.#now)
    this.#exits.report({ event: "hop_ready", incoming: hop.incoming, outgoing: hop.outgoing })
    if (!hasWayOut) this.#failed(hop)
    for (const frame of this.#table.release(hop, this.#now)) this.#wait(hop, frame)
  }

  /** Takes one link frame of the right size. @param {Bytes} link @param {Bytes} raw */
  receive(link, raw) {
    const frame = unpackLinkFrame(raw)
    const hop = this.#table.find(link, frame.hop, this.#now)
    if (hop) this.#wait(hop, frame)
    else this.#table.hold(link, frame, this.#now)
  }

  /** Tells the server of every hop that can not go on over this link. @param {Bytes} link */
  linkLost(link) {
    for (const hop of this.#table.leavingBy(link)) this.#failed(hop)
  }

  /** Follows a snapshot. @param {Bytes[]} listed */
  keepOnly(listed) {
    this.#ended(this.#table.keepOnly(listed, this.#now))
  }

  /** Forgets hops whose time is over. */
  expire() {
    this.#ended(this.#table.expire(this.#now))
  }

  /** Forgets all hops. */
  clear() {
    this.#ended(this.#table.clear())
  }

  get #now() {
    return this.#clock.now()
  }

  /** @param {Hop} hop @param {LinkFrame} frame */
  #wait(hop, frame) {
    const [link, path] = [toHex(hop.linkIn), toHex(hop.incoming)]
    const [ofLink, ofHop] = [this.#load.get(link) ?? 0, this.#load.get(path) ?? 0]
    if (ofLink >= WAITING_OF_LINK || ofHop >= WAITING_OF_HOP) return
    this.#load.set(link, ofLink + 1).set(path, ofHop + 1)
    this.#waiting.push({ hop, frame })
    if (!this.#isAtWork) void this.#work().catch(this.#fail)
  }

  /** Peels side by side, since the browser's cryptography is a queue, and passes on in order. */
  async #work() {
    this.#isAtWork = true
    try {
      while (this.#waiting.length > 0) {
        const taken = this.#waiting.splice(0, AT_ONCE)
        const keys = this.#keys()
        const peeled = await Promise.all(taken.map(({ hop, frame }) => opened(frame, hop, keys)))
        taken.forEach(({ hop }, at) => this.#pass(hop, peeled[at]))
      }
    } finally {
      this.#isAtWork = false
    }
  }

  /** @param {Hop} hop @param {Awaited<ReturnType<typeof peel>> | null} peeled */
  #pass(hop, peeled) {
    this.#unload(toHex(hop.linkIn))
    this.#unload(toHex(hop.incoming))
    if (!peeled || !isNew(hop, peeled.replayTag)) return
    hop.extend(this.#now)
    hop.cells += 1
    this.#exits.used(hop.linkIn)
    const { incoming, outgoing, cells } = hop
    if (cells === 1) this.#exits.report({ event: "cells_passed", incoming, outgoing, cells })
    if (peeled.command === "deliver") return this.#exits.deliver(incoming, peeled.payload)
    this.carried += 1
    if (!this.#exits.send(hop.linkOut, packLinkFrame(outgoing, peeled.cell))) this.#failed(hop)
  }

  /** @param {string} key */
  #unload(key) {
    const left = (this.#load.get(key) ?? 1) - 1
    if (left > 0) this.#load.set(key, left)
    else this.#load.delete(key)
  }

  /** @param {Hop} hop */
  #failed(hop) {
    if (!hop.isFailed) this.#exits.hopFailed(hop.outgoing)
    hop.isFailed = true
  }

  /** @param {Hop[]} hops */
  #ended(hops) {
    for (const { incoming, outgoing, cells } of hops) {
      this.#exits.report({ event: "hop_ended", incoming, outgoing, cells })
    }
  }
}

/** @param {LinkFrame} frame @param {Hop} hop @param {import("../crypto/onion-keys.js").OnionKeys} keys @returns {Promise<Awaited<ReturnType<typeof peel>> | null>} null for a cell to drop */
async function opened(frame, hop, keys) {
  try {
    return await peel(frame.cell, hop.incoming, keys)
  } catch (error) {
    if (error instanceof CellRejected) return null
    throw error
  }
}

/** @param {Hop} hop @param {Bytes} replayTag */
function isNew(hop, replayTag) {
  try {
    hop.replay.accept(replayTag)
    return true
  } catch (error) {
    if (error instanceof CellRejected) return false
    throw error
  }
}
