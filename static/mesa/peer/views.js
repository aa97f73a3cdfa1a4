// What windows are shown of contacts and messages: never a key, a token or a chain.
// The types are those of elements/views.js; numbers of messages are their places in the conversation.

import { Kind } from "../crypto/messages.js"
import { sha256 } from "../crypto/primitives.js"
import { numbersOf, weakestSuite } from "../crypto/safety.js"
import { toBase64url } from "../lib/base64.js"
import * as drafts from "../store/drafts.js"
import * as showing from "../store/showing.js"

/** @typedef {import("../store/contact-book.js").Contact} Contact */
/** @typedef {import("../store/history.js").Entry} Entry */
/** @typedef {import("../store/store.js").Unit} Unit */
/** @typedef {{state: string, attempt: number, waits_for: string | null, forwarders: number | null}} Progress */
/** @typedef {(contact: number, number: number) => Progress | undefined} ProgressOf what was last told of a message of ours */

/** @param {Entry} entry @param {Contact} contact @param {ProgressOf} progressOf */
export function messageView({ contact: number, ...entry }, contact, progressOf) {
  const { message, place, isOutgoing, receivedMs } = entry
  const text = message?.content.kind === Kind.TEXT ? message.content.text : null
  // The sender's clock may say anything; nothing was sent after it came.
  const time = message ? Math.min(Number(message.sentMs), receivedMs) : null
  const about = { number: place, text, outgoing: isOutgoing, time }
  if (!message) return { ...about, state: "received", missing: true }
  if (!isOutgoing) return { ...about, state: "received" }
  if (entry.state === "delivered") return { ...about, state: "delivered" }
  if (contact.isClosed) return { ...about, state: "blocked", why: contact.fields.isBlocked ? "user" : "keys" }
  const state = stateOf(contact)
  if (state === "asked") return { ...about, state: "waiting", waitsFor: "acceptance" }
  if (state === "unasked") return { ...about, state: "waiting", waitsFor: "asking" }
  const told = progressOf(number, entry.number)
  if (!told) return { ...about, state: "queued" }
  return {
    ...about,
    state: told.state,
    attempt: told.attempt,
    waitsFor: told.waits_for,
    forwarders: told.forwarders,
  }
}

/** How far the acquaintance has come. `unasked`: what they were asked with has ended, so no answer can come. @param {Contact} contact @returns {Contact["state"] | "unasked"} */
function stateOf({ state, fields }) {
  return state === "asked" && !fields.myToken ? "unasked" : state
}

/** @param {Contact} contact @param {import("../crypto/identity.js").Identity} own */
export async function contactView(contact, own) {
  const { number, userName, fields, identity } = contact
  const { danger, safetyNumber, shownSafetyNumber } = await numbersOf(fields, own)
  return {
    number,
    name: userName,
    state: stateOf(contact),
    greeting: fields.greeting,
    ownGreeting: fields.ownGreeting,
    verified: fields.isVerified,
    blocked: fields.isBlocked,
    danger,
    ...{ added: fields.added, removed: fields.removed },
    suite: weakestSuite(identity),
    safetyNumber: shownSafetyNumber ?? safetyNumber,
    seen: await seenOf(fields),
  }
}

/** Names the keys that stand against the pinned ones, so that a decision is about those that the user saw. @param {Contact["fields"]} fields */
export async function seenOf({ shown }) {
  return toBase64url(await sha256(shown))
}

/** @param {Unit} unit @param {Contact} contact @param {ProgressOf} progressOf */
export async function rowView(unit, contact, progressOf) {
  const { number, userName, fields } = contact
  const [last] = await showing.conversation(unit, number, { limit: 1 })
  return {
    number,
    name: userName,
    state: stateOf(contact),
    verified: fields.isVerified,
    unsafe: fields.isUnsafe,
    unread: fields.isBlocked ? 0 : await showing.unread(unit, number),
    last: last ? messageView(last, contact, progressOf) : null,
    draft: await drafts.get(unit, number),
  }
}
