// PQXDH: agree on a session with a device that may be away, from its prekeys alone. Spec: docs/spec/handshake.md

import { concat } from "../lib/bytes.js"
import { VERSION, Reader, label, u32, u8 } from "./encoding.js"
import { Downgrade, Malformed, UnknownPrekey, UnsupportedSuite } from "./errors.js"
import { DeviceEntry, ENTRY_BYTES, Suite, readSuite, suiteOfBoth } from "./identity.js"
import { KEM_CIPHERTEXT_BYTES, KemPrivate, KemPublic, X25519Private, X25519Public } from "./keys.js"
import { NO_PREKEY, PrekeyKind } from "./prekeys.js"
import { KEY_BYTES, derive, randomBytes, sha256 } from "./primitives.js"
import { SESSION_ID_BYTES } from "./ratchet-state.js"
import { Ratchet } from "./ratchet.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./identity.js").DeviceKeys} DeviceKeys */
/** @typedef {import("./prekeys.js").Bundle} Bundle */
/** @typedef {import("./prekeys.js").PrivatePrekey | undefined} Held */
/** @typedef {import("./prekeys.js").Kind} PrekeyType */
/** @typedef {import("./primitives.js").Rng} Rng */

/** @typedef {(key: KemPublic) => Promise<{secret: Bytes, ciphertext: Bytes}>} Encapsulate */
/** @typedef {(kind: PrekeyType, prekeyId: number) => Held | Promise<Held>} FindPrekey */

const KEM_PART_BYTES = 5 + KEM_CIPHERTEXT_BYTES
export const HEADER_BYTES = 42 + ENTRY_BYTES + KEM_PART_BYTES

const KEM_KINDS = [PrekeyKind.LAST_RESORT_KEM, PrekeyKind.ONE_TIME_KEM]
const NO_KEY = new Uint8Array(KEY_BYTES)
const START = new Uint8Array(KEY_BYTES).fill(0xff)

/**
 * What suite 1 has and suite 2 has not.
 *
 * Layout:
 *     0     1   kind of the ML-KEM key
 *     1     4   id of the ML-KEM key
 *     5  1088   ML-KEM ciphertext
 *
 * @typedef {{kind: PrekeyType, prekeyId: number, ciphertext: Bytes}} KemPart
 */

/**
 * What the responder needs to come to the same keys.
 *
 * Layout (HEADER_BYTES):
 *     0       1   version, 1
 *     1       1   suite
 *     2      81   device entry of the initiator
 *     83     32   ephemeral X25519 public key
 *     115     4   id of the signed prekey
 *     119     4   id of the one-time X25519 prekey, 0 if none
 *     123  1093   ML-KEM part; zeros in suite 2
 */
export class InitialHeader {
  /**
   * @param {DeviceEntry} initiator
   * @param {X25519Public} ephemeral
   * @param {number} signedId
   * @param {number} oneTimeId
   * @param {KemPart | null} kem
   */
  constructor(initiator, ephemeral, signedId, oneTimeId, kem) {
    this.initiator = initiator
    this.ephemeral = ephemeral
    this.signedId = signedId
    this.oneTimeId = oneTimeId
    this.kem = kem
  }

  get suite() {
    return this.kem ? Suite.HYBRID : Suite.CLASSICAL
  }

  /** Whether no one-time prekey keeps the responder from taking it up twice. */
  get isReplayable() {
    return this.kem ? this.kem.kind === PrekeyKind.LAST_RESORT_KEM : this.oneTimeId === NO_PREKEY
  }

  pack() {
    const start = concat(u8(VERSION), u8(this.suite), this.initiator.pack(), this.ephemeral.raw)
    return concat(start, u32(this.signedId), u32(this.oneTimeId), packKemPart(this.kem))
  }

  /**
   * Parses a header; whether its suite is acceptable is for `respond` to say.
   *
   * @param {Bytes} raw
   * @throws {UnknownVersion | UnsupportedSuite | Malformed | WeakKey}
   */
  static unpack(raw) {
    const reader = new Reader(raw)
    reader.version()
    const suite = readSuite(reader)
    const initiator = DeviceEntry.read(reader)
    const ephemeral = new X25519Public(reader.take(KEY_BYTES))
    const [signedId, oneTimeId] = [reader.u32(), reader.u32()]
    const kem = suite === Suite.HYBRID ? readKemPart(reader) : null
    if (!kem) reader.zeros(KEM_PART_BYTES)
    reader.finish()
    if (signedId === NO_PREKEY) throw new Malformed()
    return new InitialHeader(initiator, ephemeral, signedId, oneTimeId, kem)
  }
}

/** @param {KemPart | null} kem */
function packKemPart(kem) {
  if (!kem) return new Uint8Array(KEM_PART_BYTES)
  return concat(u8(kem.kind), u32(kem.prekeyId), kem.ciphertext)
}

/** @param {Reader} reader @returns {KemPart} */
function readKemPart(reader) {
  const [number, prekeyId] = [reader.u8(), reader.u32()]
  const kind = KEM_KINDS.find((each) => each === number)
  if (kind === undefined || prekeyId === NO_PREKEY) throw new Malformed()
  return { kind, prekeyId, ciphertext: reader.take(KEM_CIPHERTEXT_BYTES) }
}

/**
 * Everything both sides mix: what is said openly, and the secrets in the order of the spec.
 *
 * @typedef {object} Agreement
 * @property {InitialHeader} header
 * @property {Bytes} sessionId
 * @property {DeviceEntry} responder
 * @property {X25519Public} signed
 * @property {X25519Public | null} oneTime
 * @property {KemPublic | null} kem
 * @property {Bytes[]} secrets
 */

/** @param {Agreement} agreement */
async function mixed({ header, sessionId, responder, signed, oneTime, kem, secrets }) {
  const said = concat(header.pack(), sessionId, responder.pack(), signed.raw, oneTime?.raw ?? NO_KEY)
  const transcript = await sha256(label("transcript"), said, kem ? await sha256(kem.raw) : NO_KEY)
  return { transcript, secret: await derive(concat(START, ...secrets), "handshake", transcript) }
}

/**
 * Begins a session with the device of a verified bundle.
 *
 * @param {DeviceKeys} own
 * @param {Bundle} bundle
 * @param {{rng?: Rng, encapsulate?: Encapsulate}} [drawn]
 * @returns {Promise<{ratchet: Ratchet, header: InitialHeader}>}
 * @throws {WeakKey} a key that contributes nothing
 */
export async function initiate(own, bundle, drawn = {}) {
  const { rng = randomBytes, encapsulate = (key) => key.encapsulate() } = drawn
  const { device, signedId, signedKey, oneTimeId, oneTimeKey } = bundle
  const [sessionId, ephemeral] = [rng(SESSION_ID_BYTES), X25519Private.generate(rng)]
  const kem = own.suite === Suite.HYBRID ? bundle.kem : null
  const made = kem && (await encapsulate(kem.key))
  const kemPart = kem && made && { kind: kem.kind, prekeyId: kem.prekeyId, ciphertext: made.ciphertext }
  const header = new InitialHeader(await own.entry(), await ephemeral.public(), signedId, oneTimeId, kemPart)
  const secrets = await Promise.all([
    own.agreement.exchange(signedKey),
    ephemeral.exchange(device.agreement),
    ephemeral.exchange(signedKey),
    ...(oneTimeKey ? [ephemeral.exchange(oneTimeKey)] : []),
    ...(made ? [made.secret] : []),
  ])
  const keys = { signed: signedKey, oneTime: oneTimeKey, kem: kem && kem.key }
  const { transcript, secret } = await mixed({ header, sessionId, responder: device, ...keys, secrets })
  return { ratchet: await Ratchet.begin(sessionId, transcript, secret, signedKey, rng), header }
}

/**
 * Comes to the initiator's session; only a message that opens proves that it is one.
 *
 * @param {DeviceKeys} own
 * @param {InitialHeader} header
 * @param {Bytes} sessionId
 * @param {FindPrekey} find
 * @returns {Promise<Ratchet>}
 * @throws {Downgrade} suite 2 although both device entries say suite 1
 * @throws {UnsupportedSuite} suite 1 although one of the entries says suite 2
 * @throws {UnknownPrekey} a prekey that is no longer held
 * @throws {WeakKey} a key that contributes nothing
 */
export async function respond(own, header, sessionId, find) {
  const { initiator, ephemeral, oneTimeId, suite } = header
  if (suite !== suiteOfBoth(initiator.suite, own.suite))
    throw suite === Suite.CLASSICAL ? new Downgrade() : new UnsupportedSuite()
  const signed = x25519(await find(PrekeyKind.SIGNED, header.signedId))
  const opened = header.kem && (await decapsulated(header.kem, find))
  const oneTime = oneTimeId === NO_PREKEY ? null : x25519(await find(PrekeyKind.ONE_TIME, oneTimeId))
  const secrets = await Promise.all([
    signed.exchange(initiator.agreement),
    own.agreement.exchange(ephemeral),
    signed.exchange(ephemeral),
    ...(oneTime ? [oneTime.exchange(ephemeral)] : []),
    ...(opened ? [opened.secret] : []),
  ])
  const keys = {
    signed: await signed.public(),
    oneTime: oneTime && (await oneTime.public()),
    kem: opened && opened.key,
  }
  const responder = await own.entry()
  const { transcript, secret } = await mixed({ header, sessionId, responder, ...keys, secrets })
  return Ratchet.accept(sessionId, transcript, secret, signed)
}

/** @param {KemPart} part @param {FindPrekey} find */
async function decapsulated(part, find) {
  const key = (await find(part.kind, part.prekeyId))?.key
  if (!(key instanceof KemPrivate)) throw new UnknownPrekey()
  return { key: await key.public(), secret: await key.decapsulate(part.ciphertext) }
}

/** @param {Held} prekey */
function x25519(prekey) {
  if (!(prekey?.key instanceof X25519Private)) throw new UnknownPrekey()
  return prekey.key
}
