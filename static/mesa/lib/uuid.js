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

/** Makes random bytes a UUIDv4, in place. @param {import("./bytes.js").Bytes} bytes 16 of them */
export function asUuid4(bytes) {
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return bytes
}
