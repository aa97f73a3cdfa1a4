// The Double Ratchet over X25519, HKDF-SHA256 and AES-256-GCM. A ratchet is a value; a step gives the next one.
// Spec: docs/spec/ratchet.md

import { concat, equal } from "../lib/bytes.js"
import { VERSION, Reader, label, u32, u8 } from "./encoding.js"
import { Malformed, NotOpened, NotReady, Replayed, TooFarAhead } from "./errors.js"
import { X25519Private, X25519Public } from "./keys.js"
import { KEY_BYTES, SEAL_OVERHEAD_BYTES, derive, randomBytes, seal, unseal } from "./primitives.js"
import { MAX_KEPT_KEYS, SESSION_ID_BYTES, packState, placeOf, unpackState } from "./ratchet-state.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./primitives.js").Rng} Rng */
/** @typedef {import("./ratchet-state.js").State} State */

export const HEADER_BYTES = 41
export const OVERHEAD_BYTES = SESSION_ID_BYTES + HEADER_BYTES + SEAL_OVERHEAD_BYTES
export const MAX_SKIP = 1000
export const MAX_COUNT = 2 ** 32 - 1

const ONE = Uint8Array.of(1)
const NOTHING = new Uint8Array()

/** One side of a session. */
export class Ratchet {
  /** @param {State} state */
  constructor(state) {
    this.state = state
  }

  /**
   * Starts as the initiator, against the responder's signed prekey.
   *
   * @param {Bytes} sessionId
   * @param {Bytes} bound
   * @param {Bytes} secret
   * @param {X25519Public} peer
   * @param {Rng} [rng]
   */
  static async begin(sessionId, bound, secret, peer, rng = randomBytes) {
    const own = X25519Private.generate(rng)
    const [root, sending] = await nextRoot(secret, own, peer)
    const { state } = Ratchet.accept(sessionId, bound, root, own)
    return new Ratchet({ ...state, peer, sending })
  }

  /**
   * Starts as the responder with the signed prekey that was used; it can send once it has received.
   *
   * @param {Bytes} sessionId
   * @param {Bytes} bound
   * @param {Bytes} secret
   * @param {X25519Private} own
   */
  static accept(sessionId, bound, secret, own) {
    const chains = { peer: null, sending: null, receiving: null, skipped: new Map() }
    const counts = { sent: 0, received: 0, previous: 0 }
    return new Ratchet({ sessionId, bound, root: secret, own, ...chains, ...counts })
  }

  get sessionId() {
    return this.state.sessionId
  }

  get maySend() {
    return this.state.sending !== null && this.state.sent < MAX_COUNT
  }

  /**
   * Seals one message; store the returned ratchet before the message leaves the device.
   *
   * @param {Bytes} plaintext
   * @param {Rng} [rng]
   * @returns {Promise<[Ratchet, Bytes]>}
   * @throws {NotReady} a responder that has received nothing yet, or a chain at its end
   */
  async encrypt(plaintext, rng = randomBytes) {
    const { state } = this
    if (state.sending === null || !this.maySend) throw new NotReady()
    const [sending, key] = await nextKey(state.sending)
    const header = packHeader({ key: await state.own.public(), previous: state.previous, number: state.sent })
    const sealed = await seal(key, plaintext, boundTo(state, header), rng)
    const next = new Ratchet({ ...state, sending, sent: state.sent + 1 })
    return [next, concat(state.sessionId, header, sealed)]
  }

  /**
   * Opens one message, in whatever order it comes. A refusal changes nothing.
   *
   * @param {Bytes} message
   * @param {Rng} [rng]
   * @returns {Promise<[Ratchet, Bytes]>}
   * @throws {Malformed | UnknownVersion | WeakKey} not a message
   * @throws {NotOpened} changed, or of another session
   * @throws {Replayed} opened before, or its key was given up
   * @throws {TooFarAhead} skips more than MAX_SKIP messages
   */
  async decrypt(message, rng = randomBytes) {
    const reader = new Reader(message)
    const sessionId = reader.take(SESSION_ID_BYTES)
    const header = readHeader(reader)
    const sealed = reader.rest()
    if (sealed.length < SEAL_OVERHEAD_BYTES) throw new Malformed()
    if (!equal(sessionId, this.sessionId)) throw new NotOpened()
    const [state, key] = await advanced(this.state, header, rng)
    const plaintext = await unseal(key, sealed, boundTo(this.state, packHeader(header)))
    return [new Ratchet(state), plaintext]
  }

  /** Writes the state, for the encrypted local store only. */
  pack() {
    return packState(this.state)
  }

  /**
   * Reads a ratchet back from the store.
   *
   * @param {Bytes} raw
   * @throws {UnknownVersion | Malformed | WeakKey}
   */
  static unpack(raw) {
    return new Ratchet(unpackState(raw))
  }
}

/**
 * What precedes the ciphertext, in the clear and authenticated.
 *
 * Layout (HEADER_BYTES):
 *     0    1   version, 1
 *     1   32   ratchet public key
 *     33   4   length of the sender's previous chain
 *     37   4   number in this chain
 *
 * @typedef {{key: X25519Public, previous: number, number: number}} Header
 */

/** @param {Header} header */
function packHeader({ key, previous, number }) {
  return concat(u8(VERSION), key.raw, u32(previous), u32(number))
}

/** @param {Reader} reader @returns {Header} */
function readHeader(reader) {
  reader.version()
  const [key, previous, number] = [reader.take(KEY_BYTES), reader.u32(), reader.u32()]
  return { key: new X25519Public(key), previous, number }
}

/** @param {State} state @param {Bytes} header */
function boundTo(state, header) {
  return concat(label("ratchet"), state.bound, state.sessionId, header)
}

/**
 * State and key that open a message, provided that it is genuine.
 *
 * @param {State} state
 * @param {Header} header
 * @param {Rng} rng
 * @returns {Promise<[State, Bytes]>}
 */
async function advanced(state, header, rng) {
  const place = placeOf(header.key.raw, header.number)
  const kept = state.skipped.get(place)
  if (kept) {
    const skipped = new Map(state.skipped)
    skipped.delete(place)
    return [{ ...state, skipped }, kept.key]
  }
  const isOfChain = state.peer !== null && equal(header.key.raw, state.peer.raw)
  const turned = isOfChain ? state : await turn(await skip(state, header.previous), header.key, rng)
  if (header.number < turned.received) throw new Replayed()
  const reached = await skip(turned, header.number)
  // The signed prekey begins a session and never a chain of its own: only a forger sends under it.
  if (reached.receiving === null) throw new NotOpened()
  const [receiving, key] = await nextKey(reached.receiving)
  return [{ ...reached, receiving, received: reached.received + 1 }, key]
}

/**
 * The Diffie-Hellman step: a new receiving chain, and a new sending chain to answer on.
 *
 * @param {State} state
 * @param {X25519Public} peer
 * @param {Rng} rng
 * @returns {Promise<State>}
 */
async function turn(state, peer, rng) {
  const [between, receiving] = await nextRoot(state.root, state.own, peer)
  const own = X25519Private.generate(rng)
  const [root, sending] = await nextRoot(between, own, peer)
  return { ...state, root, own, peer, sending, receiving, sent: 0, received: 0, previous: state.sent }
}

/**
 * Keeps the keys of the messages before number `until` of the current receiving chain.
 *
 * @param {State} state
 * @param {number} until
 * @returns {Promise<State>}
 */
async function skip(state, until) {
  if (state.receiving === null || state.peer === null || until <= state.received) return state
  if (until - state.received > MAX_SKIP) throw new TooFarAhead()
  const [chain, skipped] = [state.peer.raw, new Map(state.skipped)]
  let receiving = state.receiving
  for (let number = state.received; number < until; number += 1) {
    const [next, key] = await nextKey(receiving)
    receiving = next
    skipped.set(placeOf(chain, number), { chain, number, key })
  }
  for (const place of [...skipped.keys()].slice(0, Math.max(0, skipped.size - MAX_KEPT_KEYS)))
    skipped.delete(place)
  return { ...state, receiving, received: until, skipped }
}

/** @param {Bytes} root @param {X25519Private} own @param {X25519Public} peer @returns {Promise<[Bytes, Bytes]>} */
async function nextRoot(root, own, peer) {
  const shared = await own.exchange(peer)
  return halves(await derive(shared, "ratchet-root", NOTHING, { size: 2 * KEY_BYTES, chained: root }))
}

/** @param {Bytes} chain @returns {Promise<[Bytes, Bytes]>} */
async function nextKey(chain) {
  return halves(await derive(ONE, "ratchet-chain", NOTHING, { size: 2 * KEY_BYTES, chained: chain }))
}

/** @param {Bytes} derived @returns {[Bytes, Bytes]} */
function halves(derived) {
  return [derived.slice(0, KEY_BYTES), derived.slice(KEY_BYTES)]
}
