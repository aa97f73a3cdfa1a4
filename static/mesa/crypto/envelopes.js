// What travels between devices. Spec: docs/spec/handshake.md, section "Envelope"

import { concat } from "../lib/bytes.js"
import { Reader, u8 } from "./encoding.js"
import { Malformed } from "./errors.js"
import { HEADER_BYTES, InitialHeader } from "./handshake.js"
import { SESSION_ID_BYTES } from "./ratchet-state.js"
import { OVERHEAD_BYTES as RATCHET_BYTES } from "./ratchet.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

export const OVERHEAD_BYTES = 1 + HEADER_BYTES + RATCHET_BYTES

/** The first byte of an envelope. */
const EnvelopeKind = /** @type {const} */ ({ INITIAL: 1, RATCHET: 2 })

/**
 * What travels between devices.
 *
 * Layout:
 *     0     1      kind: 1 initial, 2 ratchet
 *     1     1216   handshake header, in an initial envelope only
 *     …     …      ratchet message; its first 16 bytes are the session id
 */
export class Envelope {
  /** @param {InitialHeader | null} header @param {Bytes} message */
  constructor(header, message) {
    this.header = header
    this.message = message
  }

  get sessionId() {
    return this.message.slice(0, SESSION_ID_BYTES)
  }

  pack() {
    if (!this.header) return concat(u8(EnvelopeKind.RATCHET), this.message)
    return concat(u8(EnvelopeKind.INITIAL), this.header.pack(), this.message)
  }

  /**
   * Parses as far as the session id.
   *
   * @param {Bytes} raw
   * @throws {Malformed | UnknownVersion | UnsupportedSuite | WeakKey}
   */
  static unpack(raw) {
    const reader = new Reader(raw)
    const kind = reader.u8()
    if (kind !== EnvelopeKind.INITIAL && kind !== EnvelopeKind.RATCHET) throw new Malformed()
    const header = kind === EnvelopeKind.INITIAL ? InitialHeader.unpack(reader.take(HEADER_BYTES)) : null
    const message = reader.rest()
    if (message.length < RATCHET_BYTES) throw new Malformed()
    return new Envelope(header, message)
  }
}
