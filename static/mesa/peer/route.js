// The path of one attempt as its sender holds it: keys and hop ids, and the cells made for them.
// Spec: docs/spec/onion.md and docs/spec/cells.md, section "Sender must"

import { X25519Public } from "../crypto/keys.js"
import { SignedOnionKey } from "../crypto/onion-keys.js"
import { prepare } from "../crypto/onion.js"
import { randomBytes } from "../crypto/primitives.js"
import { equal } from "../lib/bytes.js"
import { fragments, packFragment, packLinkFrame } from "../protocol/cells.js"
import { STREAM_ID_BYTES } from "../protocol/ids.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("../crypto/identity.js").DeviceEntry} DeviceEntry */

/** Where cells of one attempt go, and which stream carries which message. */
export class Route {
  /** @type {Map<number, Bytes>} */
  #streams = new Map()
  #layers
  /** @type {ReturnType<typeof prepare> | null} */
  #prepared = null

  /** @param {Bytes} link @param {DeviceEntry} device @param {import("../crypto/onion.js").Hop[]} layers */
  constructor(link, device, layers) {
    this.link = link
    this.device = device
    this.#layers = layers
  }

  get hopIds() {
    return this.#layers.map((layer) => layer.hopId)
  }

  /**
   * Wraps cells of a message, from one of them on; each is new even if it was sent before.
   *
   * @param {number} number
   * @param {Bytes} envelope
   * @param {number} first
   * @param {number} atMost
   * @returns {Promise<Bytes[]>} link frames
   */
  async frames(number, envelope, first, atMost) {
    const stream = this.#streams.get(number) ?? randomBytes(STREAM_ID_BYTES)
    this.#streams.set(number, stream)
    const cells = fragments(envelope, stream).slice(first, first + atMost)
    const frames = await Promise.all(
      cells.map(async (each) => this.#frame(await (await this.#keys()).wrap(packFragment(each)))),
    )
    // Most messages are one cell: the next one need not wait for its keys.
    this.#prepared ??= prepare(this.#layers)
    return frames
  }

  #keys() {
    const keys = this.#prepared ?? prepare(this.#layers)
    this.#prepared = null
    return keys
  }

  /** The message a stream of this attempt carries. @param {Bytes} stream */
  messageOf(stream) {
    for (const [number, each] of this.#streams) if (equal(each, stream)) return number
    return undefined
  }

  /** @param {Bytes} cell */
  #frame(cell) {
    return packLinkFrame(this.#layers[0].hopId, cell)
  }
}

/**
 * Checks a path's keys and makes it ready to send on.
 *
 * @param {import("../protocol/frames.js").FrameToPeer & {type: "path_ready"}} frame
 * @param {DeviceEntry} device the receiver's in its pinned chain
 * @param {number} nowS
 * @returns {Promise<Route>}
 * @throws {CryptoError} NotValidNow: the receiver's key is not for this day. WeakKey: a forwarder's key is unusable. All
 *     others: the onion key is not that device's
 */
export async function makeRoute(frame, device, nowS) {
  const last = await SignedOnionKey.unpack(frame.onion_key).verify(device, nowS)
  const keys = [...frame.forwarders.map((key) => new X25519Public(key)), last]
  return new Route(
    frame.link,
    device,
    frame.hops.map((hopId, at) => ({ hopId, key: keys[at] })),
  )
}
