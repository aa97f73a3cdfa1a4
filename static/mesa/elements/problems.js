// What was refused, in the codes for which there are words.

/** @typedef {import("./views.js").Problem} Problem */

/** @type {Record<string, string>} */
const CODES = {
  UnknownUser: "not_found",
  ServerUnreachable: "offline",
  LoginRefused: "not_authenticated",
  StoreFull: "keys",
  StoreDamaged: "keys",
  "bad-recovery-code": "bad_code",
}

/** @param {unknown} error of the peer, or of a call of another window @returns {Problem} */
export function problemOf(error) {
  const { code, name, message, retryAfterS } = /** @type {any} */ (error)
  // Refused by the server: the code of its problem document stands in the message.
  if (code === "Refused" || name === "Refused") return { code: message || "unknown", count: retryAfterS ?? 0 }
  return { code: CODES[code] ?? CODES[name] ?? "unknown" }
}
