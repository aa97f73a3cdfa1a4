// The chats and the requests. Says `request:decide` {number, decision}; a chat is opened by its fragment.

import { MesaElement, clone, fill, find, part, placeItems, setIcon, show } from "./base.js"
import { lookOf, textOf } from "./message-states.js"
import { letterOf, shownBeginning, shownName, shownText } from "./shown.js"
import { say } from "./texts.js"
import { dateOf, sayShortly } from "./times.js"

/** @typedef {import("./views.js").ConversationRowView} ConversationRowView */
/** @typedef {import("./views.js").RequestView} RequestView */
/** @typedef {Map<number, {from: string, item: HTMLElement}>} Drawn by the number of the contact, with what it was drawn from */

/** In the place of the last message, with somebody who is no contact yet. @type {Record<string, string>} */
const NOTHING = { asked: "list.asked", unasked: "list.unasked" }

export class ConversationList extends MesaElement {
  #chosen = 0
  /** @type {ConversationRowView[]} */
  #rows = []
  /** @type {Drawn} */
  #drawnRows = new Map()
  /** @type {Drawn} */
  #drawnRequests = new Map()

  /** @override */
  connected() {
    this.listen("input", () => this.#filter(), part(this, "filter"))
    this.listenToActs((decision, button) => {
      const number = Number(button.closest("article")?.dataset.number)
      this.tell("request:decide", { number, decision })
    })
  }

  /** Shows the chats, newest first as given. @param {ConversationRowView[]} rows @param {number} now */
  showRows(rows, now) {
    this.#rows = rows
    const dated = rows.map((row) => ({ ...row, day: dateOf(now) }))
    this.#drawnRows = drawAnew(this.#drawnRows, dated, (row) => makeRow(row, now))
    placeItems(part(this, "list"), itemsOf(this.#drawnRows))
    show(this, "empty", rows.length === 0)
    this.#mark()
    this.#filter()
  }

  /** @param {RequestView[]} requests */
  showRequests(requests) {
    show(this, "requests", requests.length > 0)
    fill(this, "request-count", String(requests.length))
    this.#drawnRequests = drawAnew(this.#drawnRequests, requests, makeRequest)
    placeItems(part(this, "request-list"), itemsOf(this.#drawnRequests))
  }

  /** Whether it was shown that there is nobody to write to, and nobody asks. */
  get isEmpty() {
    return !part(this, "empty").hidden && part(this, "requests").hidden
  }

  /** Marks the chat that is open; 0: none. @param {number} number */
  choose(number) {
    this.#chosen = number
    this.#mark()
  }

  #mark() {
    for (const row of this.querySelectorAll(".conversation-row")) {
      const isChosen = row.getAttribute("href") === `#c/${this.#chosen}`
      row.classList.toggle("conversation-row--chosen", isChosen)
      if (isChosen) row.setAttribute("aria-current", "true")
      else row.removeAttribute("aria-current")
    }
  }

  #filter() {
    const wanted = /** @type {HTMLInputElement} */ (part(this, "filter")).value.trim().toLowerCase()
    const items = [...part(this, "list").children]
    const matches = this.#rows.map((row) => row.name.toLowerCase().includes(wanted))
    for (const [at, item] of items.entries()) /** @type {HTMLElement} */ (item).hidden = !matches[at]
    show(this, "no-match", items.length > 0 && !matches.includes(true))
  }
}

/**
 * Draws what has changed. The rest stays, and so does the link of a row: with it would go the focus.
 *
 * @template {{number: number}} T
 * @param {Drawn} known
 * @param {T[]} views
 * @param {(view: T) => HTMLElement} make
 * @returns {Drawn}
 */
function drawAnew(known, views, make) {
  return new Map(
    views.map((view) => {
      const from = JSON.stringify(view)
      const before = known.get(view.number)
      if (before?.from === from) return [view.number, before]
      const item = make(view)
      const [link, drawn] = [before?.item, item].map((each) => each?.querySelector(":scope > a"))
      if (!link || !drawn) return [view.number, { from, item }]
      link.className = drawn.className
      link.replaceChildren(...drawn.childNodes)
      return [view.number, { from, item: /** @type {HTMLElement} */ (before?.item) }]
    }),
  )
}

/** @param {Drawn} drawn */
function itemsOf(drawn) {
  return [...drawn.values()].map(({ item }) => item)
}

/** @param {ConversationRowView} row @param {number} now */
function makeRow(row, now) {
  const item = clone("conversation-row")
  const name = shownName(row.name)
  const link = find(item, "a", HTMLAnchorElement)
  link.href = `#c/${row.number}`
  link.classList.toggle("conversation-row--unread", row.unread > 0)
  fill(item, "letter", letterOf(name))
  fill(item, "name", name)
  fill(item, "last", lastWords(row))
  show(item, "verified", row.verified && !row.unsafe)
  show(item, "unsafe", row.unsafe)
  show(item, "unread", row.unread > 0)
  fill(item, "count", String(row.unread))
  if (row.last !== null && row.last.time !== null) {
    fill(item, "time", sayShortly(row.last.time, now))
    part(item, "time").setAttribute("datetime", new Date(row.last.time).toISOString())
  }
  if (row.last?.outgoing && row.unread === 0) {
    const look = lookOf(row.last, name)
    show(item, "state", true)
    setIcon(item, look.icon || "queued")
    fill(item, "words", look.words)
  }
  return item
}

/** @param {ConversationRowView} row */
function lastWords(row) {
  if (row.draft !== "") return say("message.draft", { text: shownBeginning(row.draft) })
  if (row.last === null) return say(NOTHING[row.state] ?? "list.nothing", { name: shownName(row.name) })
  const text = shownBeginning(textOf(row.last))
  return row.last.outgoing ? say("message.you", { text }) : text
}

/** @param {RequestView} request */
function makeRequest(request) {
  const item = clone("request")
  const name = shownName(request.name)
  item.dataset.number = String(request.number)
  fill(item, "letter", letterOf(name))
  fill(item, "name", name)
  fill(item, "greeting", shownText(request.greeting))
  return item
}

customElements.define("conversation-list", ConversationList)
