// Cells of one size that every peer of a path opens by one layer. Spec: docs/spec/onion.md

import { concat, toHex } from "../lib/bytes.js"
import { CELL_BYTES, PAYLOAD_BYTES } from "../protocol/cells.js"
import { HOP_ID_BYTES } from "../protocol/ids.js"
import { HOPS } from "../protocol/limits.js"
import { Reader, exactly, u16, u8 } from "./encoding.js"
import { CellRejected, CryptoError, Malformed } from "./errors.js"
import { X25519Private, X25519Public } from "./keys.js"
import { KEY_BYTES, derive, onceKeystream, randomBytes, sealOnce, unsealOnce } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./onion-keys.js").OnionKeys} OnionKeys */
/** @typedef {import("./primitives.js").Rng} Rng */

export const LAYERS = HOPS
export const HOP_INFO_BYTES = 16
export const TAG_BYTES = 16
export const HEADER_BYTES = KEY_BYTES + TAG_BYTES
export const PAD_BYTES = HEADER_BYTES + HOP_INFO_BYTES
export const BODY_BYTES = CELL_BYTES - HEADER_BYTES
export const MAX_REPLAY_TAGS = 16_384

const FORWARD = 0
const DELIVER = 1
const ONWARD = 0
const LAYER_BYTES = KEY_BYTES + PAD_BYTES + TAG_BYTES

/**
 * @typedef {{key: X25519Public, hopId: Bytes}} Hop one hop of a path as its sender sees it: the onion key of the
 *     peer it leads to, and its id
 * @typedef {{command: "forward", cell: Bytes, replayTag: Bytes}} Forward a cell to pass on over the next hop
 * @typedef {{command: "deliver", payload: Bytes, replayTag: Bytes}} Deliver PAYLOAD_BYTES that end here
 * @typedef {{key: Bytes, pad: Bytes, replayTag: Bytes}} Layer what one hop's shared secret gives; `pad` are bytes
 *     that the peer appends after taking its layer off
 */

/**
 * @param {CryptoKey} secret
 * @param {Bytes} hopId
 * @param {Bytes} ephemeral
 * @param {X25519Public} key
 * @returns {Promise<Layer>}
 */
async function layerOf(secret, hopId, ephemeral, key) {
  const context = concat(u16(CELL_BYTES), exactly(hopId, HOP_ID_BYTES), ephemeral, key.raw)
  const reader = new Reader(await derive(secret, "onion", context, { size: LAYER_BYTES }))
  return { key: reader.take(KEY_BYTES), pad: reader.take(PAD_BYTES), replayTag: reader.rest() }
}

/**
 * Builds the cell for a path of exactly LAYERS hops, the first hop first.
 *
 * Every call draws new ephemeral keys, so the same payload never looks the same twice.
 *
 * @param {readonly Hop[]} hops
 * @param {Bytes} payload
 * @param {Rng} [rng]
 * @returns {Promise<Bytes>}
 * @throws {Malformed} another number of hops, or not PAYLOAD_BYTES of payload
 */
export async function wrap(hops, payload, rng = randomBytes) {
  return (await prepare(hops, rng)).wrap(payload)
}

/**
 * Does what a cell needs before its payload is known: draws and exchanges its keys.
 *
 * @param {readonly Hop[]} hops
 * @param {Rng} [rng]
 * @returns {Promise<PreparedCell>}
 * @throws {Malformed} another number of hops
 */
export async function prepare(hops, rng = randomBytes) {
  if (hops.length !== LAYERS) throw new Malformed()
  const ephemerals = hops.map(() => X25519Private.generate(rng))
  const keys = await Promise.all(ephemerals.map(async (each) => (await each.public()).raw))
  const layers = await Promise.all(
    hops.map(async ({ key, hopId }, at) =>
      layerOf(await ephemerals[at].exchangeToDerive(key), hopId, keys[at], key),
    ),
  )
  return new PreparedCell(keys, layers, await lastFiller(layers))
}

/** The keys of one cell. A key seals one body in its life, so this wraps one payload and no second. */
class PreparedCell {
  #keys
  #filler
  /** @type {Layer[]} */
  #layers

  /** @param {Bytes[]} keys ephemeral ones @param {Layer[]} layers @param {Bytes} filler */
  constructor(keys, layers, filler) {
    this.#keys = keys
    this.#layers = layers
    this.#filler = filler
  }

  /** @param {Bytes} payload @returns {Promise<Bytes>} the cell @throws {Malformed} not PAYLOAD_BYTES @throws {TypeError} wrapped before */
  async wrap(payload) {
    exactly(payload, PAYLOAD_BYTES)
    const layers = this.#layers.splice(0)
    if (layers.length === 0) throw new TypeError("a prepared cell wraps one payload")
    let body = concat(hopInfo(DELIVER), payload, this.#filler)
    let cell = await closed(layers[LAYERS - 1], this.#keys[LAYERS - 1], body)
    for (let at = LAYERS - 2; at >= 0; at -= 1) {
      // The peer makes up for what is cut off here with the layer's pad; the filler has foreseen it.
      body = concat(hopInfo(FORWARD), cell.subarray(0, -PAD_BYTES))
      cell = await closed(layers[at], this.#keys[at], body)
    }
    return cell
  }
}

/**
 * End of the innermost body, such that the pads appended on the way authenticate at every hop.
 *
 * @param {readonly Layer[]} layers
 * @returns {Promise<Bytes>}
 */
async function lastFiller(layers) {
  const streams = await Promise.all(layers.slice(1).map(({ key }) => onceKeystream(key, BODY_BYTES)))
  return layers.slice(0, -1).reduce((filler, { pad }, at) => {
    const grown = concat(filler, pad)
    const stream = streams[at].subarray(-grown.length)
    return grown.map((byte, place) => byte ^ stream[place])
  }, new Uint8Array())
}

/** @param {Layer} layer @param {Bytes} ephemeral @param {Bytes} body */
async function closed(layer, ephemeral, body) {
  const sealed = await sealOnce(layer.key, body)
  return concat(ephemeral, sealed.subarray(-TAG_BYTES), sealed.subarray(0, -TAG_BYTES))
}

/** @param {number} command */
function hopInfo(command) {
  return concat(u8(command), u8(ONWARD), new Uint8Array(HOP_INFO_BYTES - 2))
}

/**
 * Takes one layer off a cell that came in over `hopId`; the caller checks the replay tag.
 *
 * @param {Bytes} cell
 * @param {Bytes} hopId
 * @param {OnionKeys} keys
 * @returns {Promise<Forward | Deliver>}
 * @throws {CellRejected} for whatever reason; drop the cell and tell nobody
 */
export async function peel(cell, hopId, keys) {
  for (const own of [keys.current, keys.previous]) {
    if (!own) continue
    try {
      return await peeled(cell, hopId, own)
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    }
  }
  throw new CellRejected()
}

/** @param {Bytes} cell @param {Bytes} hopId @param {X25519Private} own @returns {Promise<Forward | Deliver>} */
async function peeled(cell, hopId, own) {
  const ephemeral = exactly(cell, CELL_BYTES).subarray(0, KEY_BYTES)
  const [secret, key] = await Promise.all([own.exchangeToDerive(new X25519Public(ephemeral)), own.public()])
  const { key: sealKey, pad, replayTag } = await layerOf(secret, hopId, ephemeral, key)
  const sealed = concat(cell.subarray(HEADER_BYTES), cell.subarray(KEY_BYTES, HEADER_BYTES))
  const reader = new Reader(await unsealOnce(sealKey, sealed))
  const command = reader.u8()
  // The rest of the hop information is reserved; direction 0 (onward) is the only one there is.
  reader.zeros(HOP_INFO_BYTES - 1)
  if (command === FORWARD) return { command: "forward", cell: concat(reader.rest(), pad), replayTag }
  if (command === DELIVER) return { command: "deliver", payload: reader.take(PAYLOAD_BYTES), replayTag }
  throw new Malformed()
}

/**
 * The replay tags of one hop. Lives and dies with the hop.
 *
 * A full window refuses every cell: forgetting old tags would let a neighbour send an old cell again and
 * look for its double further on. The sender finds a new path, as with any other loss.
 */
export class ReplayWindow {
  #limit
  /** @type {Set<string>} */
  #tags = new Set()

  constructor(limit = MAX_REPLAY_TAGS) {
    this.#limit = limit
  }

  /**
   * Remembers a tag.
   *
   * @param {Bytes} replayTag
   * @throws {CellRejected} seen before, or the window is full
   */
  accept(replayTag) {
    const tag = toHex(replayTag)
    if (this.#tags.has(tag) || this.#tags.size >= this.#limit) throw new CellRejected()
    this.#tags.add(tag)
  }
}
