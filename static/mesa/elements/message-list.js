// The messages of one conversation. Given whole by `open`, changed one by one by `put`, grown upwards by `addOlder`.
// Says `messages:older` {before} when the reader comes near the oldest, `message:retry` and `message:edit` {number}.

import { MesaElement, part, placeItems } from "./base.js"
import { isJoined, makeDay, makeGreeting, makeMessage, makeNote, makeUnreadMark } from "./message-item.js"
import { dateOf } from "./times.js"

/** @typedef {import("./views.js").MessageView} MessageView */
/** @typedef {{name: string, note: string, greeting?: string, ownGreeting?: string, unread?: number, now: number}} Around what stands around the messages */

// So near to the top older ones are asked for, in heights of what is seen.
const NEAR_TOP = 1.5
// What stands above all messages, and may change while they are shown.
const HEAD = /** @type {const} */ (["note", "greeting", "ownGreeting"])

export class MessageList extends MesaElement {
  /** @type {Map<number, MessageView>} */
  #views = new Map()
  /** What could not be sent, below the others: it has no place. @type {MessageView[]} */
  #unsent = []
  /** @type {Map<number, {view: MessageView, item: HTMLElement}>} */
  #drawn = new Map()
  /** What stands between messages: a name is one element. @type {Map<string, HTMLElement>} */
  #marks = new Map()
  #isDue = false
  /** @type {Around} */
  #around = { name: "", note: "", now: 0 }
  #askedBefore = Infinity
  #unreadFrom = Infinity
  /** @type {{number: number, element: HTMLElement} | null} */
  #below = null

  /** @override */
  connected() {
    this.listen("scroll", () => this.#askForOlder())
    this.listenToActs((word, button) => {
      const number = Number(button.closest("li")?.dataset.number)
      if (["retry", "edit"].includes(word)) this.tell(`message:${word}`, { number })
    })
  }

  /** Shows another conversation, at its newest message. @param {Around} around @param {MessageView[]} views @param {MessageView[]} [unsent] */
  open(around, views, unsent = []) {
    this.#around = around
    this.#views = new Map(views.map((view) => [view.number, view]))
    this.#unsent = unsent
    this.#drawn.clear()
    this.#marks.clear()
    this.#askedBefore = Infinity
    this.#below = null
    const incoming = views.filter((view) => !view.outgoing).map((view) => view.number)
    this.#unreadFrom =
      incoming.toSorted((a, b) => a - b).at(-(around.unread ?? 0) || incoming.length) ?? Infinity
    this.#drawQuietly()
    this.scrollTop = 0
  }

  /** Says anew what stands above the messages. @param {{note: string, greeting: string, ownGreeting: string}} head */
  set head(head) {
    if (HEAD.every((name) => head[name] === this.#around[name])) return
    this.#around = { ...this.#around, ...head }
    for (const name of HEAD) this.#marks.delete(name)
    this.#drawSoon()
  }

  /** Adds a message or changes it. @param {MessageView} view */
  put(view) {
    this.#views.set(view.number, view)
    this.#drawSoon()
  }

  /** Shows what could not be sent. @param {MessageView[]} views */
  set unsent(views) {
    this.#unsent = views
    this.#drawSoon()
  }

  /** Adds older ones; what is seen stays where it is. @param {MessageView[]} views */
  addOlder(views) {
    for (const view of views) this.#views.set(view.number, view)
    this.#drawQuietly()
  }

  /** Puts something under a message, or takes it away. @param {number} number @param {HTMLElement | null} element */
  setBelow(number, element) {
    if (this.#below?.element !== element) this.#below?.element.remove()
    this.#below = element === null ? null : { number, element }
    this.#drawSoon()
  }

  /** The places of the oldest and the newest message that are shown. */
  get range() {
    const numbers = [...this.#views.keys()]
    return { oldest: Math.min(...numbers), newest: Math.max(...numbers) }
  }

  /** Draws what a screen reader is not to read out: only what arrives is news. */
  #drawQuietly() {
    this.ariaLive = "off"
    this.#draw()
    requestAnimationFrame(() => (this.ariaLive = "polite"))
  }

  /** Draws with the next frame, once for all that changes until then. */
  #drawSoon() {
    if (!this.#isDue) requestAnimationFrame(() => this.#draw())
    this.#isDue = true
  }

  #draw() {
    this.#isDue = false
    const placed = [...this.#views.values()].sort((a, b) => a.number - b.number)
    const ordered = [...placed, ...this.#unsent]
    /** @type {HTMLElement[]} */
    const items = this.#head()
    let day = ""
    for (const view of ordered) {
      items.push(...this.#before(view, day), this.#item(view))
      if (view.time !== null) day = dateOf(view.time)
    }
    this.#joinItems(ordered)
    placeItems(part(this, "list"), items)
  }

  #head() {
    const { name, note, greeting, ownGreeting } = this.#around
    const items = note === "" ? [] : [this.#mark("note", () => makeNote(note))]
    if (greeting) items.push(this.#mark("greeting", () => makeGreeting(name, greeting, false)))
    if (ownGreeting) items.push(this.#mark("ownGreeting", () => makeGreeting(name, ownGreeting, true)))
    return items
  }

  /** @param {MessageView} view @param {string} day the one above */
  #before({ number, time }, day) {
    const items = []
    if (time !== null && dateOf(time) !== day)
      items.push(this.#mark(`day ${number}`, () => makeDay(time, this.#around.now)))
    if (number === this.#unreadFrom)
      items.push(this.#mark("unread", () => makeUnreadMark(this.#around.unread ?? 0)))
    return items
  }

  /** @param {string} name @param {() => HTMLElement} make */
  #mark(name, make) {
    const mark = this.#marks.get(name) ?? make()
    this.#marks.set(name, mark)
    return mark
  }

  /** @param {MessageView} view */
  #item(view) {
    const known = this.#drawn.get(view.number)
    const item = known?.view === view ? known.item : makeMessage(view, this.#around.name)
    if (known?.item !== item) known?.item.replaceWith(item)
    this.#drawn.set(view.number, { view, item })
    const below = this.#below
    if (below?.number === view.number && below.element.parentElement !== item) item.append(below.element)
    return item
  }

  /** @param {MessageView[]} ordered */
  #joinItems(ordered) {
    for (const [at, view] of ordered.entries()) {
      const item = /** @type {{item: HTMLElement}} */ (this.#drawn.get(view.number)).item
      const next = ordered[at + 1]
      item.classList.toggle("message--joined", isJoined(ordered[at - 1], view))
      // Of several that belong together the last one says when.
      if (!view.outgoing) part(item, "time").hidden = next !== undefined && isJoined(view, next)
    }
  }

  #askForOlder() {
    // Upwards from the newest: column-reverse counts from zero down.
    const left = this.scrollHeight - this.clientHeight + this.scrollTop
    const before = this.range.oldest
    if (left > NEAR_TOP * this.clientHeight || before >= this.#askedBefore) return
    this.#askedBefore = before
    this.tell("messages:older", { before })
  }
}

customElements.define("message-list", MessageList)
