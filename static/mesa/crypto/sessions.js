// Sessions between two devices, and the envelopes that travel between them.
// Spec: docs/spec/handshake.md, sections "Envelope" and "Sessions"

import { concat, equal, toHex } from "../lib/bytes.js"
import { VERSION, Reader, u32, u64, u8 } from "./encoding.js"
import { Malformed, NotOpened } from "./errors.js"
import { Envelope } from "./envelopes.js"
import { HEADER_BYTES, InitialHeader, initiate, respond } from "./handshake.js"
import { DeviceEntry } from "./identity.js"
import { NO_PREKEY, PrekeyKind } from "./prekeys.js"
import { randomBytes, sha256 } from "./primitives.js"
import { Ratchet } from "./ratchet.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./handshake.js").Encapsulate} Encapsulate */
/** @typedef {import("./handshake.js").FindPrekey} FindPrekey */
/** @typedef {import("./identity.js").DeviceKeys} DeviceKeys */
/** @typedef {import("./keys.js").Ed25519Public} Ed25519Public */
/** @typedef {import("./prekeys.js").Bundle} Bundle */
/** @typedef {import("./primitives.js").Rng} Rng */

export const MAX_SESSIONS = 4
export const RENEW_AFTER_MESSAGES = 500
export const RENEW_AFTER_MS = 7 * 86_400_000
export const WORN_AFTER_MESSAGES = 5_000
export const WORN_AFTER_MS = 28 * 86_400_000

/**
 * @typedef {object} SessionFields
 * @property {Ratchet} ratchet
 * @property {DeviceEntry} peer what the handshake proved the peer to hold; compare it with the pinned identity
 *     before trusting it
 * @property {boolean} isInitiator
 * @property {Bytes} headerHash SHA-256 of the handshake header
 * @property {InitialHeader | null} header the header itself while it must be repeated
 * @property {number} startedMs
 * @property {number} messages sealed and opened in this session, together
 */

/** A ratchet with one device of a peer. A value: store the next one, then send or show. */
export class Session {
  /** @param {SessionFields} fields */
  constructor({ ratchet, peer, isInitiator, headerHash, header, startedMs, messages }) {
    this.ratchet = ratchet
    this.peer = peer
    this.isInitiator = isInitiator
    this.headerHash = headerHash
    this.header = header
    this.startedMs = startedMs
    this.messages = messages
  }

  get sessionId() {
    return this.ratchet.sessionId
  }

  /** Whether the peer is known to hold this session too. */
  get isEstablished() {
    return this.header === null
  }

  /** Tells whether the device with the lower signing key began it. @param {Ed25519Public} own */
  isBegunByLower(own) {
    return this.isInitiator === toHex(own.raw) < toHex(this.peer.signing.raw)
  }

  /** Stops sending the header: a verified receipt has shown that the peer holds the session. */
  confirmed() {
    return new Session({ ...this, header: null })
  }

  /** Tells whether it is time for a new handshake (its ML-KEM heals what the ratchet can not). @param {number} nowMs */
  needsRenewal(nowMs) {
    return this.messages >= RENEW_AFTER_MESSAGES || nowMs - this.startedMs >= RENEW_AFTER_MS
  }

  /**
   * Tells whether nothing more may be sealed in it: withheld prekeys delay healing, and do not end it.
   *
   * @param {number} nowMs
   */
  isWornOut(nowMs) {
    return this.messages >= WORN_AFTER_MESSAGES || nowMs - this.startedMs >= WORN_AFTER_MS
  }

  /**
   * Seals a plaintext into an envelope; the header rides along until the peer has answered.
   *
   * @param {Bytes} plaintext
   * @param {Rng} [rng]
   * @returns {Promise<[Session, Bytes]>}
   * @throws {NotReady} the session can not send
   */
  async encrypt(plaintext, rng = randomBytes) {
    const [ratchet, message] = await this.ratchet.encrypt(plaintext, rng)
    const next = new Session({ ...this, ratchet, messages: this.messages + 1 })
    return [next, new Envelope(this.header, message).pack()]
  }

  /**
   * Opens an envelope of this session. A refusal changes nothing.
   *
   * @param {Envelope} envelope
   * @param {Rng} [rng]
   * @returns {Promise<[Session, Bytes]>}
   * @throws {NotOpened} changed, of another session, or with another header than the first one had
   * @throws {Replayed | TooFarAhead | Malformed | UnknownVersion | WeakKey}
   */
  async decrypt({ header, message }, rng = randomBytes) {
    if (header && !(await this.#repeats(header))) throw new NotOpened()
    const [ratchet, plaintext] = await this.ratchet.decrypt(message, rng)
    return [new Session({ ...this, ratchet, header: null, messages: this.messages + 1 }), plaintext]
  }

  /** @param {InitialHeader} header */
  async #repeats(header) {
    return !this.isInitiator && equal(await sha256(header.pack()), this.headerHash)
  }

  /** Writes the session, for the encrypted local store only. Spec: docs/spec/handshake.md, "Sessions" */
  pack() {
    const begun = concat(u8(VERSION), this.peer.pack(), u8(Number(this.isInitiator)), this.headerHash)
    const repeated = this.header ? concat(u8(1), this.header.pack()) : u8(0)
    const counted = concat(u64(BigInt(this.startedMs)), u32(this.messages))
    return concat(begun, repeated, counted, this.ratchet.pack())
  }

  /**
   * Reads a session back from the store.
   *
   * @param {Bytes} raw
   * @throws {UnknownVersion | Malformed | WeakKey | UnsupportedSuite}
   */
  static unpack(raw) {
    const reader = new Reader(raw)
    reader.version()
    const [peer, begunHere, headerHash] = [DeviceEntry.read(reader), reader.u8(), reader.take(32)]
    const hasHeader = reader.u8()
    if (begunHere > 1 || hasHeader > begunHere) throw new Malformed()
    const header = hasHeader ? InitialHeader.unpack(reader.take(HEADER_BYTES)) : null
    const [startedMs, messages] = [Number(reader.u64()), reader.u32()]
    if (!Number.isSafeInteger(startedMs)) throw new Malformed()
    const ratchet = Ratchet.unpack(reader.rest())
    const isInitiator = begunHere === 1
    return new Session({ ratchet, peer, isInitiator, headerHash, header, startedMs, messages })
  }
}

/**
 * Begins a session with the device of a verified bundle.
 *
 * @param {DeviceKeys} own
 * @param {Bundle} bundle
 * @param {{nowMs: number, rng?: Rng, encapsulate?: Encapsulate}} about
 * @returns {Promise<Session>}
 * @throws {WeakKey} a key that contributes nothing
 */
export async function beginSession(own, bundle, { nowMs, ...drawn }) {
  const { ratchet, header } = await initiate(own, bundle, drawn)
  const headerHash = await sha256(header.pack())
  const known = { peer: bundle.device, isInitiator: true, headerHash, header }
  return new Session({ ratchet, ...known, startedMs: nowMs, messages: 0 })
}

/**
 * Opens the first envelope of a session that another device began.
 *
 * The peer is whoever holds the keys in `session.peer`: check them against a verified identity. `spent` are
 * one-time prekeys to delete in the same transaction that stores the session.
 *
 * @param {DeviceKeys} own
 * @param {Envelope} envelope
 * @param {FindPrekey} find
 * @param {{nowMs: number, rng?: Rng}} about
 * @returns {Promise<{session: Session, plaintext: Bytes, spent: number[]}>}
 * @throws {Malformed} not an initial envelope
 * @throws {Downgrade | UnsupportedSuite | UnknownPrekey} no session can come of it
 * @throws {NotOpened} the message does not prove the handshake
 * @throws {Replayed | TooFarAhead | WeakKey | UnknownVersion}
 */
export async function acceptSession(own, { header, sessionId, message }, find, { nowMs, rng = randomBytes }) {
  if (!header) throw new Malformed()
  const begun = await respond(own, header, sessionId, find)
  const [ratchet, plaintext] = await begun.decrypt(message, rng)
  const headerHash = await sha256(header.pack())
  const known = { peer: header.initiator, isInitiator: false, headerHash, header: null }
  const session = new Session({ ratchet, ...known, startedMs: nowMs, messages: 1 })
  return { session, plaintext, spent: spentBy(header) }
}

/** @param {InitialHeader} header */
function spentBy({ kem, oneTimeId }) {
  const spent = kem && kem.kind === PrekeyKind.ONE_TIME_KEM ? [kem.prekeyId] : []
  return oneTimeId === NO_PREKEY ? spent : [...spent, oneTimeId]
}

/**
 * Picks the session with a device to send on; undefined if a new one must begin.
 *
 * Both sides choose alike: established first, fresh before due for renewal, begun by the device with the
 * lower signing key, newest.
 *
 * @param {Ed25519Public} own
 * @param {Iterable<Session>} sessions
 * @param {number} nowMs
 * @returns {Session | undefined}
 */
export function chooseSession(own, sessions, nowMs) {
  /** @param {Session} session */
  const ranked = (session) => ({
    session,
    rank: [
      session.isEstablished,
      !session.needsRenewal(nowMs),
      session.isBegunByLower(own),
      session.startedMs,
      toHex(session.sessionId),
    ],
  })
  const able = [...sessions].filter(({ ratchet }) => ratchet.maySend).map(ranked)
  return able.sort((one, other) => compare(other.rank, one.rank))[0]?.session
}

/** @typedef {(boolean | number | string)[]} Rank */
/** @param {Rank} one @param {Rank} other */
function compare(one, other) {
  const at = one.findIndex((each, place) => each !== other[place])
  if (at < 0) return 0
  return one[at] < other[at] ? -1 : 1
}
