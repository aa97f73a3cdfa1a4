// One side of a session as a value, and as it stands in the encrypted local store.
// Spec: docs/spec/ratchet.md, section "State"

import { concat, toHex } from "../lib/bytes.js"
import { VERSION, Reader, u16, u32, u8 } from "./encoding.js"
import { Malformed } from "./errors.js"
import { X25519Private, X25519Public } from "./keys.js"
import { KEY_BYTES } from "./primitives.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

export const SESSION_ID_BYTES = 16
export const MAX_KEPT_KEYS = 2000

/**
 * @typedef {{chain: Bytes, number: number, key: Bytes}} Skipped the key of a message that did not arrive yet
 *
 * @typedef {object} State
 * @property {Bytes} sessionId
 * @property {Bytes} bound SHA-256 of the handshake transcript, authenticated with every message
 * @property {Bytes} root
 * @property {X25519Private} own
 * @property {X25519Public | null} peer
 * @property {Bytes | null} sending
 * @property {Bytes | null} receiving
 * @property {number} sent messages in the current sending chain
 * @property {number} received messages in the current receiving chain
 * @property {number} previous messages in the last sending chain
 * @property {ReadonlyMap<string, Skipped>} skipped by `placeOf`, oldest first
 */

/** Name of a message in a session: its chain, and its number there. @param {Bytes} chain @param {number} number */
export function placeOf(chain, number) {
  return `${toHex(chain)} ${number}`
}

/** @param {State} state @returns {Bytes} */
export function packState(state) {
  const { sessionId, bound, root, own, peer, sending, receiving, skipped } = state
  const keys = [peer && peer.raw, sending, receiving].map((key) => (key ? concat(u8(1), key) : u8(0)))
  const counts = concat(u32(state.sent), u32(state.received), u32(state.previous), u16(skipped.size))
  const kept = [...skipped.values()].map(({ chain, number, key }) => concat(chain, u32(number), key))
  return concat(u8(VERSION), sessionId, bound, root, own.raw, ...keys, counts, ...kept)
}

/**
 * Reads a state back from the store.
 *
 * @param {Bytes} raw
 * @returns {State}
 * @throws {UnknownVersion | Malformed | WeakKey}
 */
export function unpackState(raw) {
  const reader = new Reader(raw)
  reader.version()
  const [sessionId, bound, root] = [reader.take(SESSION_ID_BYTES), reader.take(32), reader.take(KEY_BYTES)]
  const own = new X25519Private(reader.take(KEY_BYTES))
  const [peer, sending, receiving] = [readOptional(reader), readOptional(reader), readOptional(reader)]
  const [sent, received, previous] = [reader.u32(), reader.u32(), reader.u32()]
  const skipped = readSkipped(reader)
  const chains = { peer: peer && new X25519Public(peer), sending, receiving }
  reader.finish()
  return { sessionId, bound, root, own, ...chains, sent, received, previous, skipped }
}

/** @param {Reader} reader */
function readOptional(reader) {
  const isThere = reader.u8()
  if (isThere > 1) throw new Malformed()
  return isThere ? reader.take(KEY_BYTES) : null
}

/** @param {Reader} reader */
function readSkipped(reader) {
  const count = reader.u16()
  /** @type {Map<string, Skipped>} */
  const skipped = new Map()
  for (let each = 0; each < count; each += 1) {
    const [chain, number, key] = [reader.take(KEY_BYTES), reader.u32(), reader.take(KEY_BYTES)]
    skipped.set(placeOf(chain, number), { chain, number, key })
  }
  if (skipped.size !== count || count > MAX_KEPT_KEYS) throw new Malformed()
  return skipped
}
