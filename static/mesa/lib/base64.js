// Base64url without padding, as bytes stand in JSON and in addresses. Spec: docs/spec/encoding.md

/** @typedef {import("./bytes.js").Bytes} Bytes */

// What one call may have as arguments is bounded.
const AT_ONCE = 8_192

/** @param {Uint8Array} bytes */
export function toBase64url(bytes) {
  let text = ""
  for (let at = 0; at < bytes.length; at += AT_ONCE)
    text += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE))
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
}

/**
 * @param {string} text
 * @returns {Bytes}
 * @throws {SyntaxError} another text than `toBase64url` writes
 */
export function fromBase64url(text) {
  const bytes = decoded(text.replaceAll("-", "+").replaceAll("_", "/"))
  // The browser's reader passes over spaces, padding and bits that no byte holds.
  if (!bytes || toBase64url(bytes) !== text) throw new SyntaxError("not base64url")
  return bytes
}

/** @param {string} text */
function decoded(text) {
  try {
    return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))
  } catch {
    return null
  }
}
