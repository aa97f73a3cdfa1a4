// What an invitation says, in the fragment of an address, which no server sees.
// Spec: docs/spec/web-app.md, section "Pages"

import { isUserName } from "../store/contact-book.js"

const FINGERPRINT = /^[A-Za-z0-9_-]{43}$/u

/**
 * Reads who invites, and the fingerprint of whose keys, in base64url.
 *
 * @param {string} text
 * @returns {{username: string, fingerprint: string} | null} null: it is none, or not whole
 */
export function readInvitation(text) {
  const [username, fingerprint = "", ...more] = text.split(".")
  const isWhole = isUserName(username) && FINGERPRINT.test(fingerprint) && more.length === 0
  return isWhole ? { username, fingerprint } : null
}
