// Fragments for tests of reassembly.

import { FRAGMENT_BYTES, fragments } from "../../../static/mesa/protocol/cells.js"

export const STREAM = numbered(2 ** 31)

/** @param {number} number @returns eight bytes */
export function numbered(number) {
  const id = new Uint8Array(8)
  new DataView(id.buffer).setUint32(4, number)
  return id
}

/** An envelope of so many bytes, all the same. @param {number} size */
export const envelope = (size, fill = 120) => new Uint8Array(size).fill(fill)

/** An envelope in two fragments. @param {number} [stream] */
export const halves = (stream) =>
  fragments(envelope(FRAGMENT_BYTES + 1), stream === undefined ? STREAM : numbered(stream))
