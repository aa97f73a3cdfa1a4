// What was refused, in the codes for which there are words.

import { hasText } from "./texts.js"

/** @typedef {import("./views.js").Problem} Problem */

/** By the name of the error, where its message is no code. @type {Record<string, string>} */
const CODES = {
  "bad-recovery-code": "bad_code",
  ContactBlocked: "other_keys",
  LoginRefused: "not_authenticated",
  ServerUnreachable: "offline",
  StoreDamaged: "keys",
  StoreFull: "keys",
  UnknownUser: "not_found",
  UsageError: "invalid",
}

/** @param {unknown} error of the peer, or of a call of another window @returns {Problem} */
export function problemOf(error) {
  const { code = "", name, message, retryAfterS } = /** @type {any} */ (error)
  const words = [message, code, CODES[code], CODES[name]].filter((each) => each && hasText(`problem.${each}`))
  return { code: words[0] ?? "unknown", count: retryAfterS ?? 0 }
}
