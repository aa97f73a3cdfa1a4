// UUIDs as bytes and as text.

import { fromHex, toHex } from "./bytes.js"

const PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/

/** @param {Uint8Array} bytes 16 of them */
export function uuidText(bytes) {
  return toHex(bytes).replace(PARTS, "$1-$2-$3-$4-$5")
}

/** @param {string} text as `uuidText` writes it @throws {SyntaxError} */
export function uuidBytes(text) {
  const bytes = fromHex(text.replaceAll("-", ""))
  if (bytes.length !== 16 || uuidText(bytes) !== text) throw new SyntaxError("not a UUID")
  return bytes
}
