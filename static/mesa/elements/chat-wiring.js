// Joins the open conversation to the peer: messages that come and go, what is written, and how the last one fared.

import { randomBytes } from "../crypto/primitives.js"
import { toHex } from "../lib/bytes.js"
import { browserClock } from "../lib/timing.js"
import { CallFailed } from "../peer/call-failed.js"
import { clone, find } from "./base.js"
import { ContactPane } from "./contact-view.js"
import { ConversationPane } from "./conversation-view.js"
import { DeliveryTimeline } from "./delivery-timeline.js"
import { MessageComposer } from "./message-composer.js"
import { MessageList } from "./message-list.js"
import { Timelines } from "./timelines.js"
import { say } from "./texts.js"
import { shownName } from "./shown.js"
import { on, whole } from "./wiring.js"

/** @typedef {import("../peer/windows.js").Windows} Windows */
/** @typedef {import("./views.js").MessageView} MessageView */
/** @typedef {import("./views.js").ContactView} Contact */

const DRAFT_AFTER_S = 0.5
const WHY = /** @type {Record<string, string>} */ ({
  StoreFull: "storage",
  ContactBlocked: "refused",
  UsageError: "too_long",
})

/** The conversation, or the contact, that the address names. */
export class ChatWiring {
  #windows
  #number = 0
  /** @type {Contact | null} */
  #contact = null
  #timelines = new Timelines(browserClock)
  #timeline = /** @type {DeliveryTimeline} */ (clone("timeline"))
  #takeBackDraft = () => {}
  /** @type {Map<number, {text: string, id: string}>} */
  #failed = new Map()

  /** @param {Windows} windows */
  constructor(windows) {
    this.#windows = windows
    on("app:view", ({ view, number }) => this.#open(view, number))
    on("contact:decide", ({ number, decision }) => this.#decide(number, decision))
    on("message:submit", ({ text }) => this.#send(text, toHex(randomBytes(16))))
    on("message:retry", ({ number }) => this.#retry(number))
    on("message:draft", ({ text }) => this.#keepDraft(text))
    on("messages:older", ({ before }) => this.#addOlder(before))
    document.addEventListener("visibilitychange", () => void this.#showed())
  }

  /** Takes what the leader tells. @param {any} event */
  told(event) {
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
    if (number !== this.#number) return
    this.#show({ contact: opened.contact, draft: this.#written })
    this.#list.addOlder(opened.messages)
    this.#drawTimeline()
  }

  /** @param {string} view @param {number} number */
  async #open(view, number) {
    this.#number = view === "conversation" || view === "contact" ? number : 0
    this.#contact = null
    if (this.#number === 0) return
    const opened = await this.#windows.call("conversation", number).catch(unlessUnknown)
    // Meanwhile another one may have been chosen.
    if (number !== this.#number) return
    if (!opened) return void (location.hash = "#chats")
    this.#show(opened)
    if (view !== "conversation") return
    const { contact, unread, messages } = opened
    const name = shownName(contact.name)
    const note = say(contact.state === "asked" ? "thread.asked" : "thread.note", { name })
    this.#list.open({ name, note, unread, now: Date.now() }, messages)
    this.#drawTimeline()
    find(document, "message-composer", MessageComposer).focus()
    await this.#showed()
  }

  async #renew() {
    const number = this.#number
    const contact = await this.#windows.call("contact", number)
    if (number === this.#number) this.#show({ contact, draft: this.#written })
  }

  /** What is being written stays. */
  get #written() {
    return find(document, "message-composer textarea", HTMLTextAreaElement).value
  }

  /** @param {{contact: Contact, draft: string}} opened */
  #show({ contact, draft }) {
    this.#contact = contact
    find(document, "conversation-view", ConversationPane).view = { contact, draft }
    find(document, "contact-view", ContactPane).view = contact
  }

  /** @param {{contact: number, message: MessageView}} event */
  #changed({ contact, message }) {
    this.#timelines.note(contact, message)
    if (contact !== this.#number) return
    this.#list.put(message)
    this.#drawTimeline()
    if (!message.outgoing) void this.#showed()
  }

  /** Decides on what is on the screen: what has changed since needs another look. @param {number} number @param {string} decision */
  async #decide(number, decision) {
    await this.#windows.call("decide", number, decision, this.#contact).finally(() => this.#renew())
  }

  /** @param {string} text @param {string} id */
  async #send(text, id) {
    const number = this.#number
    this.#takeBackDraft()
    try {
      await this.#windows.call("send", number, text, id)
    } catch (error) {
      this.#showFailure(text, id, /** @type {{code?: string}} */ (error).code ?? "")
    }
  }

  /** @param {string} text @param {string} id @param {string} code */
  #showFailure(text, id, code) {
    const newest = this.#list.range.newest
    const number = Number.isFinite(newest) ? newest + 1 : 1
    this.#failed.set(number, { text, id })
    const why = WHY[code] ?? "unknown"
    this.#list.put({ number, text, outgoing: true, state: "failed", time: Date.now(), why })
  }

  /** @param {number} number */
  async #retry(number) {
    const failed = this.#failed.get(number)
    this.#failed.delete(number)
    if (failed) await this.#send(failed.text, failed.id)
  }

  /** @param {string} text */
  #keepDraft(text) {
    const number = this.#number
    this.#takeBackDraft()
    this.#takeBackDraft = browserClock.after(DRAFT_AFTER_S, () => {
      void this.#windows.call("draft", number, text).catch(() => {})
    })
  }

  /** @param {number} before */
  async #addOlder(before) {
    const number = this.#number
    const messages = await this.#windows.call("older", number, before)
    if (number === this.#number && messages.length > 0) this.#list.addOlder(messages)
  }

  /** Notes that what is on the screen was seen. */
  async #showed() {
    const { newest } = this.#list.range
    const isSeen = document.visibilityState === "visible" && this.#contact !== null && Number.isFinite(newest)
    if (isSeen && this.#number > 0) await this.#windows.call("showed", this.#number, newest).catch(() => {})
  }

  #drawTimeline() {
    const known = this.#timelines.of(this.#number)
    if (!known || !this.#contact) return this.#list.setBelow(0, null)
    this.#list.setBelow(known.number, this.#timeline)
    this.#timeline.view = { ...known, contact: this.#contact.name }
  }

  get #list() {
    return find(document, "message-list", MessageList)
  }
}

/** An address may name a chat that is there no more. @param {unknown} error */
function unlessUnknown(error) {
  if (!(error instanceof CallFailed && error.code === "UnknownUser")) throw error
  return null
}
