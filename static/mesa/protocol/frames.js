// Frames of the session socket as text, and back: the closed set, strictly parsed, some padded.
// Which frames there are is said by TO_SERVER and TO_PEER, one of which names the direction.
// Spec: docs/spec/signaling.md

import { BadFrame, FrameTooLarge } from "./errors.js"
import { need } from "./fields.js"
import { FRAME_BYTES, FRAME_STEP_BYTES } from "./limits.js"

/** @typedef {import("./fields.js").Fields} Kinds Codecs of what stands beside `type`. */
/**
 * @template {Kinds} K
 * @typedef {{[T in keyof K]: {type: T} & import("./fields.js").Value<K[T]>}[keyof K]} FrameOf
 */
/** @typedef {FrameOf<typeof import("./to-server.js").TO_SERVER>} FrameToServer */
/** @typedef {FrameOf<typeof import("./to-peer.js").TO_PEER>} FrameToPeer */

// How long these would be by themselves says how much a peer forwards, or where on a path it stands.
/** @type {Set<unknown>} */
const PADDED = new Set(["hello", "ice_client", "snapshot", "guard", "ready_to_receive"])
const END = '"}'
// Outside of texts only numbers hold a digit before a dot or an `e`.
const TEXT_OR_FRACTION = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|\d[.eE]/g

/**
 * Reads one frame.
 *
 * @template {Kinds} K
 * @param {string} text
 * @param {K} kinds
 * @returns {FrameOf<K>}
 * @throws {FrameTooLarge} the text is over the limit
 * @throws {BadFrame} not exactly one frame of the closed set, or one to be padded that is not in its one form
 */
export function parse(text, kinds) {
  const content = objectOf(text)
  const { type, ...values } = content
  const codec = codecOf(type, kinds)
  const isPadded = PADDED.has(type)
  if (isPadded) delete values.pad
  const frame = { type, ...codec.parse(values) }
  if (isPadded) need(toText(frame, kinds) === text, "a padded frame does not have its one size and form")
  else need(saysAllItHolds(text, content), "a frame has a key twice or a number that is not whole")
  return frame
}

/**
 * Writes a frame as canonical JSON, filled up to a whole step if its type is padded.
 *
 * @template {Kinds} K
 * @param {FrameOf<K>} frame
 * @param {K} kinds
 * @throws {FrameTooLarge} the text is over the limit
 * @throws {BadFrame} no frame of the closed set
 */
export function toText(frame, kinds) {
  const { type, ...values } = frame
  const content = { type, .../** @type {object} */ (codecOf(type, kinds).toJson(values)) }
  const text = PADDED.has(type) ? padded({ ...content, pad: "" }) : JSON.stringify(content)
  // The text is ASCII.
  if (text.length > FRAME_BYTES) throw new FrameTooLarge("a frame is over the limit")
  return text
}

/** @param {unknown} type @param {Kinds} kinds */
function codecOf(type, kinds) {
  need(typeof type === "string" && Object.hasOwn(kinds, type), "a frame is of no known type")
  return kinds[type]
}

/** @param {object} content its last value an empty text */
function padded(content) {
  const text = JSON.stringify(content)
  const end = Math.ceil(text.length / FRAME_STEP_BYTES) * FRAME_STEP_BYTES
  return text.slice(0, -END.length).padEnd(end - END.length, "0") + END
}

/** @param {string} text @returns {Record<string, unknown>} */
function objectOf(text) {
  if (new TextEncoder().encode(text).length > FRAME_BYTES)
    throw new FrameTooLarge("a frame is over the limit")
  // What is not an object has no type.
  return Object(jsonOf(text))
}

/** @param {string} text @returns {unknown} */
function jsonOf(text) {
  try {
    return JSON.parse(text)
  } catch {
    throw new BadFrame("a frame is not JSON")
  }
}

/**
 * Tells whether the browser's reader of JSON hid nothing: a key that came twice, or `1.0` for `1`.
 *
 * @param {string} text
 * @param {object} content what was read, no deeper than frames are
 */
function saysAllItHolds(text, content) {
  const found = [...text.matchAll(TEXT_OR_FRACTION)]
  const keys = found.filter(([, colon]) => colon).length
  return keys === countKeys(content) && found.every(([sign]) => sign.startsWith('"'))
}

/** @param {unknown} value @returns {number} */
function countKeys(value) {
  if (value === null || typeof value !== "object") return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((total, each) => total + countKeys(each), own)
}
