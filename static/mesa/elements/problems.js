// What was refused, in the codes for which there are words.

import { hasText, say } from "./texts.js"

/** @typedef {import("./notice-list.js").NoticeKind} NoticeKind */
/** @typedef {import("./views.js").Problem} Problem */

/** By the name of the error, where its message is no code. @type {Record<string, string>} */
const CODES = {
  "bad-recovery-code": "bad_code",
  ContactBlocked: "other_keys",
  LoginRefused: "not_authenticated",
  NewerVersion: "newer_version",
  ServerUnreachable: "offline",
  StoreDamaged: "keys",
  StoreFull: "storage_full",
  UnknownUser: "not_found",
  UsageError: "invalid",
}

/** By the name of the error: what stops all that the page does. @type {Record<string, NoticeKind>} */
const NOTICES = {
  LoginRefused: "logged_out",
  NewerVersion: "newer_version",
  StoreDamaged: "damaged",
  StoreFull: "storage_full",
  StoreMissing: "logged_out",
}

/** What ends a leader. @type {NoticeKind[]} */
export const FAILURES = [...Object.values(NOTICES), "broken"]

/** @param {unknown} error of the peer, or of a call of another window @returns {Problem} */
export function problemOf(error) {
  const { code = "", name, message, retryAfterS, fields = [] } = /** @type {any} */ (error)
  const words = [message, code, CODES[code], CODES[name]].filter((each) => each && hasText(`problem.${each}`))
  return { code: words[0] ?? "unknown", count: retryAfterS ?? 0, fields: sentencesOf(fields) }
}

/** The notice for what concerns all of the page. @param {unknown} error of the peer, or of a call of another window @returns {NoticeKind | undefined} */
export function noticeOf(error) {
  const { code = "", name } = /** @type {any} */ (error)
  return NOTICES[code] ?? NOTICES[name]
}

/** What is said beside the parts of a request that the server did not take. @param {string[]} fields @returns {Record<string, string[]>} */
function sentencesOf(fields) {
  const known = fields.filter((name) => hasText(`problem.field.${name}`))
  return Object.fromEntries(known.map((name) => [name, [say(`problem.field.${name}`)]]))
}
