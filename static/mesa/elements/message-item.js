// One message in the list, and what stands between messages.

import { clone, fill, find, part, setIcon, show } from "./base.js"
import { lookOf, textOf } from "./message-states.js"
import { MessageText } from "./message-text.js"
import { shownName, shownText } from "./shown.js"
import { say } from "./texts.js"
import { clockTime, dateOf, sayDay } from "./times.js"

/** @typedef {import("./views.js").MessageView} MessageView */

const JOINED_MS = 5 * 60_000
/** Above the messages of somebody who is no contact yet. @type {Record<string, string>} */
const NOTES = { asked: "thread.asked", unasked: "thread.unasked" }

/**
 * Tells whether a message belongs to the one before it: of the same side, soon after it.
 *
 * @param {MessageView | undefined} before
 * @param {MessageView} view
 */
export function isJoined(before, view) {
  return (
    before !== undefined &&
    before.time !== null &&
    view.time !== null &&
    before.outgoing === view.outgoing &&
    dateOf(before.time) === dateOf(view.time) &&
    Math.abs(view.time - before.time) < JOINED_MS
  )
}

/** @param {string} name of the contact @param {MessageView} view */
export function makeMessage(view, name) {
  const item = clone("message")
  item.dataset.number = String(view.number)
  item.classList.toggle("message--mine", view.outgoing)
  item.classList.toggle("message--newer", view.text === null)
  find(item, "message-text", MessageText).text = textOf(view)
  if (view.time === null) return item
  fill(item, "time", clockTime(view.time))
  part(item, "time").setAttribute("datetime", new Date(view.time).toISOString())
  if (view.outgoing) showState(item, view, name)
  return item
}

/** @param {HTMLElement} item @param {MessageView} view @param {string} name */
function showState(item, view, name) {
  const { words, icon, look, arrived } = lookOf(view, name)
  item.classList.toggle("message--pending", !arrived && look !== "failed")
  item.classList.toggle("message--failed", look === "failed")
  if (look !== "") find(item, ".message__state", HTMLElement).classList.add(`message__state--${look}`)
  show(item, "mark", true)
  fill(item, "words", words)
  if (icon !== "") setIcon(item, icon)
  else showPips(item, view.forwarders ?? 0)
  show(item, "time", arrived)
  show(item, "retry", view.state === "failed")
}

/** @param {HTMLElement} item @param {number} found */
function showPips(item, found) {
  find(item, ".message__mark > .icon", SVGElement).remove()
  show(item, "pips", true)
  fillPips(part(item, "pips"), found)
}

/** Fills as many of three as are found. @param {HTMLElement} pips @param {number} found */
export function fillPips(pips, found) {
  for (const [at, pip] of [...pips.children].entries()) pip.classList.toggle("pips__one--found", at < found)
}

/** @param {number} at @param {number} now */
export function makeDay(at, now) {
  const item = clone("day")
  const time = find(item, "time", HTMLTimeElement)
  time.dateTime = dateOf(at)
  time.textContent = sayDay(at, now)
  return item
}

/** @param {number} count */
export function makeUnreadMark(count) {
  const item = clone("unread-mark")
  item.textContent = say("thread.unread", { count })
  return item
}

/** What stands above the messages of a contact. @param {import("./views.js").ContactView} contact */
export function headOf({ name: userName, state, greeting, ownGreeting }) {
  const name = shownName(userName)
  const note = say(NOTES[state] ?? "thread.note", { name })
  return { name, note, greeting, ownGreeting }
}

/** The words with which somebody asked, or was asked. @param {string} name @param {string} words @param {boolean} isOwn */
export function makeGreeting(name, words, isOwn) {
  const item = clone(isOwn ? "thread-own-greeting" : "thread-greeting")
  fill(item, "name", name)
  fill(item, "greeting", shownText(words))
  return item
}

/** @param {string} words */
export function makeNote(words) {
  const item = clone("thread-note")
  item.textContent = words
  return item
}
