// Plaintexts: what is inside an envelope. Spec: docs/spec/messages.md

import { concat } from "../lib/bytes.js"
import { asUuid4 } from "../lib/uuid.js"
import { TOKEN_BYTES } from "../protocol/ids.js"
import { VERSION, Reader, exactly, pad, u16, u32, u64, u8, utf8 } from "./encoding.js"
import { Malformed } from "./errors.js"
import { randomBytes } from "./primitives.js"
import { RECEIPT_KEY_BYTES } from "./receipts.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */
/** @typedef {import("./primitives.js").Rng} Rng */

export const ID_BYTES = 16
export const STEP_BYTES = 256
export const MAX_SEEN = 8
export const MAX_BODY_BYTES = 65_536
export const MAX_GREETING_SIGNS = 500
export const PART_BYTES = 32

/** What a message is. Other numbers belong to newer versions: whatever it is there, it is UNKNOWN here. */
export const Kind = /** @type {const} */ ({
  UNKNOWN: 0,
  TEXT: 1,
  CONTACT_REQUEST: 2,
  CONTACT_ACCEPT: 3,
  SESSION_RESET: 4,
  DIRECT_ASK: 5,
  DIRECT_ACCEPT: 6,
  DIRECT_END: 7,
})

/**
 * @typedef {{kind: 1, text: string}} Text something a person wrote
 * @typedef {{kind: 2, chain: Bytes, token: Bytes, greeting: string}} ContactRequest the asker's chain and delivery token
 * @typedef {{kind: 3, chain: Bytes, token: Bytes}} ContactAccept the chain and delivery token of the one who accepts
 * @typedef {{kind: 4}} SessionReset send again what is not receipted, in this session
 * @typedef {{kind: 5, part: Bytes}} DirectAsk a wish for direct links, with the asker's part of the key
 * @typedef {{kind: 6, part: Bytes, answered: Bytes}} DirectAccept yes, and the part of the wish it answers
 * @typedef {{kind: 7}} DirectEnd no direct links, or no more
 * @typedef {{kind: 0, number: number, body: Bytes}} UnknownKind kept with its number, and shown as "needs a newer version"
 * @typedef {DirectAsk | DirectAccept | DirectEnd} OfConsent
 * @typedef {Text | ContactRequest | ContactAccept | SessionReset | OfConsent | UnknownKind} Content
 */

/** @param {Content} content @returns {Bytes} */
function packBody(content) {
  switch (content.kind) {
    case Kind.TEXT:
      if (!content.text) throw new Malformed()
      return utf8(content.text)
    case Kind.CONTACT_REQUEST: {
      if ([...content.greeting].length > MAX_GREETING_SIGNS) throw new Malformed()
      const greeting = utf8(content.greeting)
      return concat(packIntroduction(content), u16(greeting.length), greeting)
    }
    case Kind.CONTACT_ACCEPT:
      return packIntroduction(content)
    case Kind.DIRECT_ASK:
      return exactly(content.part, PART_BYTES)
    case Kind.DIRECT_ACCEPT:
      return concat(exactly(content.part, PART_BYTES), exactly(content.answered, PART_BYTES))
    case Kind.SESSION_RESET:
    case Kind.DIRECT_END:
      return new Uint8Array()
    case Kind.UNKNOWN:
      return content.body
  }
}

/** @param {number} kind @param {Bytes} body @returns {Content} */
function unpackBody(kind, body) {
  const reader = new Reader(body)
  const content = readBody(kind, reader)
  reader.finish()
  return content
}

/** @param {number} kind @param {Reader} reader @returns {Content} */
function readBody(kind, reader) {
  switch (kind) {
    case Kind.TEXT:
      return { kind, text: readText(reader) }
    case Kind.CONTACT_REQUEST:
      return { kind, ...readIntroduction(reader), greeting: readGreeting(reader) }
    case Kind.CONTACT_ACCEPT:
      return { kind, ...readIntroduction(reader) }
    case Kind.DIRECT_ASK:
      return { kind, part: reader.take(PART_BYTES) }
    case Kind.DIRECT_ACCEPT:
      return { kind, part: reader.take(PART_BYTES), answered: reader.take(PART_BYTES) }
    case Kind.SESSION_RESET:
    case Kind.DIRECT_END:
      return { kind }
    default:
      return { kind: Kind.UNKNOWN, number: kind, body: reader.rest() }
  }
}

/** @param {{chain: Bytes, token: Bytes}} content */
function packIntroduction({ chain, token }) {
  return concat(u16(chain.length), chain, exactly(token, TOKEN_BYTES))
}

/** @param {Reader} reader */
function readIntroduction(reader) {
  return { chain: reader.take(reader.u16()), token: reader.take(TOKEN_BYTES) }
}

/** @param {Reader} reader */
function readText(reader) {
  const raw = reader.rest()
  if (raw.length === 0) throw new Malformed()
  return new Reader(raw).text(raw.length)
}

/** @param {Reader} reader */
function readGreeting(reader) {
  const greeting = reader.text(reader.u16())
  if ([...greeting].length > MAX_GREETING_SIGNS) throw new Malformed()
  return greeting
}

/**
 * One message between two devices.
 *
 * Layout, zero-padded to a multiple of STEP_BYTES:
 *     0    1   version, 1
 *     1    1   kind
 *     2   16   message id
 *     18   8   time the sender gives, in ms since 1970
 *     26  32   receipt key
 *     58   1   number of seen ids, at most MAX_SEEN
 *     59   …   ids of the last messages the sender has seen, 16 bytes each
 *     …    4   length of the body, at most MAX_BODY_BYTES
 *     …    …   body
 */
export class Message {
  /**
   * @param {Bytes} messageId
   * @param {bigint} sentMs
   * @param {Content} content
   * @param {Bytes} receiptKey
   * @param {readonly Bytes[]} [seen]
   */
  constructor(messageId, sentMs, content, receiptKey, seen = []) {
    this.messageId = messageId
    this.sentMs = sentMs
    this.content = content
    this.receiptKey = receiptKey
    this.seen = seen
  }

  /** Writes and pads. @throws {Malformed} something is longer than a message may hold */
  pack() {
    const { content, seen } = this
    const body = packBody(content)
    if (body.length > MAX_BODY_BYTES || seen.length > MAX_SEEN) throw new Malformed()
    const [id, ...seenIds] = [this.messageId, ...seen].map((each) => exactly(each, ID_BYTES))
    const kind = content.kind === Kind.UNKNOWN ? content.number : content.kind
    const head = concat(u8(VERSION), u8(kind), id, u64(this.sentMs))
    const key = exactly(this.receiptKey, RECEIPT_KEY_BYTES)
    return pad(concat(head, key, u8(seen.length), ...seenIds, u32(body.length), body), STEP_BYTES)
  }

  /**
   * Parses strictly; a kind that is not known keeps its body.
   *
   * @param {Bytes} plaintext
   * @throws {UnknownVersion | Malformed}
   */
  static unpack(plaintext) {
    const reader = new Reader(plaintext)
    reader.version()
    const [kind, messageId, sentMs] = [reader.u8(), reader.take(ID_BYTES), reader.u64()]
    const receiptKey = reader.take(RECEIPT_KEY_BYTES)
    const seen = Array.from({ length: reader.u8() }, () => reader.take(ID_BYTES))
    const body = reader.take(reader.u32())
    reader.padding(STEP_BYTES)
    if (seen.length > MAX_SEEN || body.length > MAX_BODY_BYTES) throw new Malformed()
    return new Message(messageId, sentMs, unpackBody(kind, body), receiptKey, seen)
  }
}

/**
 * Makes the same message ready for another device or session: its id stays, its receipt key does not.
 *
 * @param {Message} message
 * @param {Rng} [rng]
 */
export function renewMessage(message, rng = randomBytes) {
  const { messageId, sentMs, content, seen } = message
  return new Message(messageId, sentMs, content, rng(RECEIPT_KEY_BYTES), seen)
}

/**
 * Makes a message with a new id (a UUIDv4) and a new receipt key.
 *
 * @param {Content} content
 * @param {{nowMs: number, seen?: readonly Bytes[], rng?: Rng}} about
 */
export function createMessage(content, { nowMs, seen = [], rng = randomBytes }) {
  const messageId = asUuid4(rng(ID_BYTES))
  const receiptKey = rng(RECEIPT_KEY_BYTES)
  return new Message(messageId, BigInt(nowMs), content, receiptKey, seen.slice(-MAX_SEEN))
}
