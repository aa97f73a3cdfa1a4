// Joins the open conversation to the peer: messages that come and go, what is written, and how the last one fared.

import { ID_BYTES } from "../crypto/messages.js"
import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { browserClock } from "../lib/timing.js"
import { CallFailed } from "../peer/call-failed.js"
import { clone, find } from "./base.js"
import { ContactPane } from "./contact-view.js"
import { ConversationPane } from "./conversation-view.js"
import { DeliveryTimeline } from "./delivery-timeline.js"
import { MessageComposer } from "./message-composer.js"
import { headOf } from "./message-item.js"
import { MessageList } from "./message-list.js"
import { NoticeList } from "./notice-list.js"
import { noticeOf } from "./problems.js"
import { Timelines } from "./timelines.js"
import { on, whole } from "./wiring.js"
import { Writing } from "./writing.js"

/** @typedef {import("../peer/windows.js").Windows} Windows */
/** @typedef {import("./views.js").MessageView} MessageView */
/** @typedef {import("./views.js").ContactView} Contact */

const WHY = /** @type {Record<string, string>} */ ({
  StoreFull: "storage",
  ContactBlocked: "contact",
  LoginRefused: "logged_out",
  UsageError: "too_long",
})

/** The conversation, or the contact, that the address names. */
export class ChatWiring {
  #windows
  #view = ""
  /** The contact that the address names, and the one whose messages the list holds: what is read takes a while. */
  #number = 0
  #listed = 0
  /** Whom the panes show. @type {Contact | null} */
  #contact = null
  /** What came for a chat that is being read. @type {MessageView[]} */
  #early = []
  #timelines = new Timelines(browserClock)
  #timeline = /** @type {DeliveryTimeline} */ (clone("timeline"))
  #writing

  /** @param {Windows} windows */
  constructor(windows) {
    this.#windows = windows
    this.#writing = new Writing(browserClock, (contact, text) =>
      windows.call("draft", contact, text).then(
        () => true,
        () => false,
      ),
    )
    on("app:view", ({ view, number }) => this.#open(view, number))
    on("contact:decide", ({ number, decision }) => this.#decide(number, decision))
    on("message:submit", ({ contact, text }) => this.#submit(contact, text))
    on("message:retry", ({ number }) => this.#retry(number))
    on("message:edit", ({ number }) => this.#edit(number))
    on("message:draft", ({ contact, text }) => this.#writing.change(contact, text))
    on("messages:older", ({ before }) => this.#addOlder(before))
    document.addEventListener("visibilitychange", () => void whole(this.#turned()))
    // Earlier than the page is hidden: for a moment it still runs.
    addEventListener("beforeunload", () => this.#writing.keepAll())
  }

  /** Takes what the leader tells. @param {any} event */
  told(event) {
    if (event.event === "message_received") notices().hide("storage_full")
    if (event.event === "message_changed") this.#changed(event)
    if (event.event === "contact_changed" && event.contact === this.#number) void whole(this.#renew())
  }

  /** Shows what the leader before this window did not come to tell. */
  catchUp() {
    if (this.#number > 0) void whole(this.#refresh())
  }

  async #refresh() {
    const number = this.#number
    const opened = await this.#windows.call("conversation", number)
    if (number !== this.#shown) return
    this.#show(opened.contact)
    if (number !== this.#listed) return
    this.#list.addOlder(opened.messages)
    this.#drawTimeline()
  }

  /** @param {string} view @param {number} number */
  async #open(view, number) {
    this.#view = view
    this.#number = view === "conversation" || view === "contact" ? number : 0
    this.#early = []
    this.#writing.keepAll()
    if (this.#number === 0) return
    const opened = await this.#windows.call("conversation", number).catch(unlessUnknown)
    // Meanwhile another one may have been chosen.
    if (number !== this.#number || view !== this.#view) return
    if (!opened) return void (location.hash = "#chats")
    this.#show(opened.contact, opened.draft)
    if (view !== "conversation") return
    const { contact, unread, messages } = opened
    this.#listed = number
    const around = { ...headOf(contact), unread, now: Date.now() }
    this.#list.open(around, messages, this.#unsent(number))
    for (const message of this.#early) this.#list.put(message)
    this.#drawTimeline()
    find(document, "message-composer", MessageComposer).focus()
    await this.#showed()
  }

  async #renew() {
    const [number, was] = [this.#number, this.#contact]
    const contact = await this.#windows.call("contact", number)
    // One that is being opened is shown with its draft.
    if (number !== this.#shown) return
    if (was?.state !== contact.state || was?.blocked !== contact.blocked) return this.#refresh()
    this.#show(contact)
  }

  /** @param {Contact} contact @param {string} [draft] unless what is being written stays */
  #show(contact, draft) {
    const written = find(document, "message-composer textarea", HTMLTextAreaElement).value
    this.#contact = contact
    const view = { contact, draft: this.#writing.textOf(contact.number, draft ?? written) }
    find(document, "conversation-view", ConversationPane).view = view
    find(document, "contact-view", ContactPane).view = contact
    if (contact.number === this.#listed) this.#list.head = headOf(contact)
  }

  /** @param {{contact: number, message: MessageView}} event */
  #changed({ contact, message }) {
    this.#timelines.note(contact, message)
    if (contact !== this.#listed) {
      if (contact === this.#number) this.#early.push(message)
      return
    }
    this.#list.put(message)
    this.#drawTimeline()
    if (!message.outgoing) void whole(this.#showed())
  }

  /** Decides on what is on the screen: what has changed since needs another look. @param {number} number @param {string} decision */
  async #decide(number, decision) {
    if (number !== this.#contact?.number) return
    await this.#windows.call("decide", number, decision, this.#contact).finally(() => this.#renew())
  }

  /** @param {number} contact whose composer it was written in @param {string} text */
  async #submit(contact, text) {
    this.#writing.submitted(contact)
    await this.#send(contact, { text, id: toHex(randomBytes(ID_BYTES)) })
  }

  /** @param {number} contact @param {{text: string, id: string}} message */
  async #send(contact, { text, id }) {
    try {
      await this.#windows.call("send", contact, text, id)
      this.#writing.accepted(contact)
      notices().hide("storage_full")
    } catch (error) {
      const { code = "" } = /** @type {{code?: string}} */ (error)
      const why = WHY[code] ?? "unknown"
      if (code === "StoreFull") notices().show("storage_full")
      this.#writing.refused(contact, { text, id, why, time: Date.now() })
      this.#showUnsent(contact)
    }
  }

  /** @param {number} number */
  async #retry(number) {
    const unsent = this.#writing.retried(number)
    if (!unsent) return
    this.#showUnsent(unsent.contact)
    await this.#send(unsent.contact, unsent)
  }

  /** @param {number} number */
  #edit(number) {
    const contact = this.#writing.edited(number)
    if (!this.#contact || contact !== this.#contact.number) return
    this.#showUnsent(contact)
    this.#show(this.#contact)
    find(document, "message-composer", MessageComposer).focus()
  }

  /** @param {number} contact */
  #showUnsent(contact) {
    if (contact === this.#listed) this.#list.unsent = this.#unsent(contact)
  }

  /** @param {number} contact @returns {MessageView[]} */
  #unsent(contact) {
    const unsent = this.#writing.unsentOf(contact)
    return unsent.map(({ number, text, time, why }) => ({
      ...{ number, text, time, why },
      ...{ outgoing: true, state: "failed" },
    }))
  }

  /** @param {number} before */
  async #addOlder(before) {
    const number = this.#listed
    const messages = await this.#windows.call("older", number, before)
    if (number === this.#listed && messages.length > 0) this.#list.addOlder(messages)
  }

  /** The page became visible, or may be on its way out. */
  async #turned() {
    if (document.visibilityState === "hidden") return this.#writing.keepAll()
    await this.#showed()
  }

  /** Notes that what is on the screen was seen. */
  async #showed() {
    const { newest } = this.#list.range
    const isInView = this.#view === "conversation" && this.#listed === this.#number
    const isSeen = isInView && document.visibilityState === "visible" && Number.isFinite(newest)
    if (isSeen) await this.#windows.call("showed", this.#listed, newest)
  }

  #drawTimeline() {
    const known = this.#timelines.of(this.#listed)
    if (!known || this.#contact?.number !== this.#listed) return this.#list.setBelow(0, null)
    this.#list.setBelow(known.number, this.#timeline)
    this.#timeline.view = { ...known, contact: this.#contact.name }
  }

  /** Whom the panes show and the address names; 0: nobody. */
  get #shown() {
    return this.#contact?.number === this.#number ? this.#number : 0
  }

  get #list() {
    return find(document, "message-list", MessageList)
  }
}

function notices() {
  return find(document, "notice-list", NoticeList)
}

/** An address may name a chat that is there no more. @param {unknown} error */
function unlessUnknown(error) {
  // What stops the page is said at its head; a chat without anything in it would say something else.
  if (noticeOf(error)) location.hash = "#chats"
  if (!(error instanceof CallFailed && error.code === "UnknownUser")) throw error
  return null
}
