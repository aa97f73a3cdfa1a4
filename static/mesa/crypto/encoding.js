// Fixed binary layouts: big-endian numbers, exact lengths, zero padding. Spec: docs/spec/encoding.md

import { concat } from "../lib/bytes.js"
import { Malformed, UnknownVersion } from "./errors.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

export const VERSION = 1

const ENCODER = new TextEncoder()
// A byte order mark is a character like others, so that what parses packs again to the same bytes.
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Domain label `mesa/<what>/1`, ended by a zero byte so that no label is the beginning of another.
 *
 * @param {string} what
 */
export function label(what) {
  return utf8(`mesa/${what}/${VERSION}\0`)
}

/**
 * @param {string} text
 * @returns {Bytes}
 * @throws {Malformed} half a surrogate pair
 */
export function utf8(text) {
  if (!text.isWellFormed()) throw new Malformed()
  return ENCODER.encode(text)
}

/** @param {number} value */
export const u8 = (value) => written(value, 1)

/** @param {number} value */
export const u16 = (value) => written(value, 2)

/** @param {number} value */
export const u32 = (value) => written(value, 4)

/**
 * @param {bigint} value
 * @returns {Bytes}
 * @throws {Malformed} out of range
 */
export function u64(value) {
  if (value < 0n || value > 0xffffffff_ffffffffn) throw new Malformed()
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

/** @param {number} value @param {number} size @returns {Bytes} */
function written(value, size) {
  if (!Number.isInteger(value) || value < 0 || value >= 256 ** size) throw new Malformed()
  return Uint8Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** (size - 1 - at)))
}

/**
 * Passes bytes through if they have the right length.
 *
 * @template {Uint8Array} T
 * @param {T} raw
 * @param {number} size
 * @throws {Malformed} any other length
 */
export function exactly(raw, size) {
  if (raw.length !== size) throw new Malformed()
  return raw
}

/**
 * Appends zeros up to the next multiple of `step` bytes.
 *
 * @param {Bytes} raw
 * @param {number} step
 */
export function pad(raw, step) {
  return concat(raw, new Uint8Array(missing(raw.length, step)))
}

/** @param {number} size @param {number} step */
function missing(size, step) {
  return (step - (size % step)) % step
}

/** Takes a layout apart from front to back. Every method throws Malformed when the bytes run out. */
export class Reader {
  #raw
  #at = 0

  /** @param {Bytes} raw */
  constructor(raw) {
    this.#raw = raw
  }

  /** All bytes read so far: what a signature at the end of a layout covers. */
  get taken() {
    return this.#raw.slice(0, this.#at)
  }

  /** @param {number} size */
  take(size) {
    const end = this.#at + size
    if (end > this.#raw.length) throw new Malformed()
    const part = this.#raw.slice(this.#at, end)
    this.#at = end
    return part
  }

  rest() {
    return this.take(this.#raw.length - this.#at)
  }

  u8() {
    return this.#number(1)
  }

  u16() {
    return this.#number(2)
  }

  u32() {
    return this.#number(4)
  }

  /** Reads a number that may have more than 53 bits. */
  u64() {
    return new DataView(this.take(8).buffer).getBigUint64(0)
  }

  /**
   * Reads the version byte.
   *
   * @throws {UnknownVersion} not the one this code has
   */
  version() {
    if (this.u8() !== VERSION) throw new UnknownVersion()
  }

  /**
   * Reads UTF-8.
   *
   * @param {number} size
   * @throws {Malformed} also for bytes that are not strict UTF-8
   */
  text(size) {
    const raw = this.take(size)
    try {
      return DECODER.decode(raw)
    } catch {
      throw new Malformed()
    }
  }

  /**
   * Reads reserved or padding bytes.
   *
   * @param {number} size
   * @throws {Malformed} also for any that is not zero
   */
  zeros(size) {
    if (this.take(size).some((each) => each !== 0)) throw new Malformed()
  }

  /**
   * Reads what `pad` appended, to the end, and nothing more.
   *
   * @param {number} step
   * @throws {Malformed} also for more or fewer zeros than the next multiple of `step` bytes needs
   */
  padding(step) {
    this.zeros(missing(this.#at, step))
    this.finish()
  }

  /**
   * Insists on the end.
   *
   * @throws {Malformed} bytes are left over
   */
  finish() {
    if (this.#at !== this.#raw.length) throw new Malformed()
  }

  /** @param {number} size */
  #number(size) {
    return this.take(size).reduce((number, each) => number * 256 + each, 0)
  }
}
