// What crosses a link, and how an envelope becomes the payloads of cells. Spec: docs/spec/cells.md

import { concat } from "../lib/bytes.js"
import { CellError } from "./errors.js"
import { HOP_ID_BYTES, STREAM_ID_BYTES } from "./ids.js"

/** @typedef {import("../lib/bytes.js").Bytes} Bytes */

export const CELL_BYTES = 4_096
export const LINK_FRAME_BYTES = HOP_ID_BYTES + CELL_BYTES
export const PAYLOAD_BYTES = 3_840
const HEADER_BYTES = STREAM_ID_BYTES + 6
export const FRAGMENT_BYTES = PAYLOAD_BYTES - HEADER_BYTES
export const MAX_FRAGMENTS = 4_096
export const MAX_ENVELOPE_BYTES = 72 * 1_024

export const FIRST_WINDOW = 16
export const WINDOW = 32
export const CREDIT_EVERY = 8
export const PENDING_CELLS = 16
export const PENDING_S = 2
export const HOP_IDLE_S = 10
export const HOP_LIFE_S = 60
export const QUEUED_FRAMES = 256
export const QUEUED_FRAMES_PER_HOP = 64

/**
 * @param {unknown} claim
 * @param {string} otherwise what is wrong
 * @returns {asserts claim}
 * @throws {CellError}
 */
export function needCell(claim, otherwise) {
  if (!claim) throw new CellError(otherwise)
}

/**
 * Writes one binary message of a data channel: the hop id (8 bytes), then the cell.
 *
 * @param {Uint8Array} hop
 * @param {Uint8Array} cell
 * @throws {CellError} a part has the wrong size
 */
export function packLinkFrame(hop, cell) {
  needCell(
    hop.length === HOP_ID_BYTES && cell.length === CELL_BYTES,
    "a link frame's part has the wrong size",
  )
  return concat(hop, cell)
}

/**
 * Parses exactly one link frame; hop and cell are parts of `raw`, not copies.
 *
 * @param {Bytes} raw
 * @throws {CellError} wrong size
 */
export function unpackLinkFrame(raw) {
  needCell(raw.length === LINK_FRAME_BYTES, "a link frame has the wrong size")
  return { hop: raw.subarray(0, HOP_ID_BYTES), cell: raw.subarray(HOP_ID_BYTES) }
}

/**
 * Makes the cell of a direct link, where there is nothing to peel. Spec: docs/spec/direct.md
 *
 * @param {Uint8Array} payload
 * @throws {CellError} a payload of the wrong size
 */
export function directCell(payload) {
  needCell(payload.length === PAYLOAD_BYTES, "a payload has the wrong size")
  return concat(payload, new Uint8Array(CELL_BYTES - PAYLOAD_BYTES))
}

/**
 * Takes the payload out of a cell of a direct link; it is a part of the cell, not a copy.
 *
 * @param {Bytes} cell
 * @throws {CellError} wrong size, or it ends in anything but zeros
 */
export function directPayload(cell) {
  needCell(
    cell.length === CELL_BYTES && isZeros(cell.subarray(PAYLOAD_BYTES)),
    "a cell of a direct link has the wrong size or end",
  )
  return cell.subarray(0, PAYLOAD_BYTES)
}

/**
 * A part of an envelope: the payload of one cell's innermost layer, always PAYLOAD_BYTES long.
 *
 * Layout (big-endian):
 *     0    8    stream id, random per envelope and attempt
 *     8    2    index, from 0
 *     10   2    count, 1 to MAX_FRAGMENTS
 *     12   2    length of the body, 1 to FRAGMENT_BYTES; full in every fragment but the last
 *     14   …    body, then zeros
 *
 * @typedef {{stream: Bytes, index: number, count: number, body: Bytes}} Fragment
 */

/**
 * Writes the payload, padded with zeros.
 *
 * @param {Fragment} fragment
 * @throws {CellError} the parts do not go together
 */
export function packFragment(fragment) {
  const { stream, index, count, body } = checked(fragment)
  const raw = new Uint8Array(PAYLOAD_BYTES)
  const view = new DataView(raw.buffer)
  raw.set(stream)
  view.setUint16(8, index)
  view.setUint16(10, count)
  view.setUint16(12, body.length)
  raw.set(body, HEADER_BYTES)
  return raw
}

/**
 * Parses exactly one payload.
 *
 * @param {Bytes} raw
 * @returns {Fragment}
 * @throws {CellError} wrong size, index, count or length, or padding that is not zero
 */
export function unpackFragment(raw) {
  needCell(raw.length === PAYLOAD_BYTES, "a payload has the wrong size")
  const view = new DataView(raw.buffer, raw.byteOffset)
  const length = view.getUint16(12)
  const end = HEADER_BYTES + length
  needCell(length <= FRAGMENT_BYTES && isZeros(raw.subarray(end)), "a payload's length or padding is wrong")
  return checked({
    stream: raw.slice(0, STREAM_ID_BYTES),
    index: view.getUint16(8),
    count: view.getUint16(10),
    body: raw.slice(HEADER_BYTES, end),
  })
}

/**
 * Cuts an envelope into fragments, in order.
 *
 * @param {Bytes} envelope
 * @param {Bytes} stream
 * @throws {CellError} the envelope is empty or over MAX_FRAGMENTS fragments
 */
export function fragments(envelope, stream) {
  const count = Math.ceil(envelope.length / FRAGMENT_BYTES)
  needCell(1 <= count && count <= MAX_FRAGMENTS, "an envelope is empty or too large")
  return Array.from({ length: count }, (_, index) => {
    const start = index * FRAGMENT_BYTES
    return checked({ stream, index, count, body: envelope.subarray(start, start + FRAGMENT_BYTES) })
  })
}

/** @param {Fragment} fragment */
function checked(fragment) {
  const { stream, index, count, body } = fragment
  needCell(
    stream.length === STREAM_ID_BYTES && 1 <= count && count <= MAX_FRAGMENTS,
    "a fragment's stream or count is wrong",
  )
  needCell(0 <= index && index < count, "a fragment's index is not below its count")
  needCell(1 <= body.length && body.length <= FRAGMENT_BYTES, "a fragment's length is wrong")
  needCell(index === count - 1 || body.length === FRAGMENT_BYTES, "a fragment before the last is not full")
  return fragment
}

/** @param {Uint8Array} bytes */
function isZeros(bytes) {
  return bytes.every((each) => each === 0)
}
