// Writes messages: Enter sends, Shift+Enter begins a line, what an input method composes is left alone.
// Says `message:submit` and `message:draft` {contact, text}.

import { MAX_BODY_BYTES } from "../crypto/messages.js"
import { MesaElement, fill, find, part, show } from "./base.js"
import { shownName } from "./shown.js"
import { say } from "./texts.js"

/** @typedef {{number: number, name: string, draft: string, stopped: null | "unsafe" | "blocked"}} ComposerView */

export class MessageComposer extends MesaElement {
  #contact = 0

  /** @param {ComposerView} view */
  set view(view) {
    const name = shownName(view.name)
    this.#contact = view.number
    const label = say("composer.label", { name })
    const stopped = { unsafe: say("composer.stopped"), blocked: say("composer.blocked", { name }) }
    fill(this, "label", label)
    this.#text.placeholder = view.stopped === null ? label : stopped[view.stopped]
    this.#text.disabled = this.#send.disabled = view.stopped !== null
    find(this, ".composer", HTMLElement).classList.toggle("composer--blocked", view.stopped !== null)
    // Cursor and composition stay where nothing changes.
    if (this.#text.value !== view.draft) this.#text.value = view.draft
    this.#measure()
  }

  /** @override */
  connected() {
    this.listen("submit", (event) => this.#submit(event))
    this.listen("keydown", (event) => this.#key(/** @type {KeyboardEvent} */ (event)))
    this.listen("beforeinput", (event) => this.#refuseTooMuch(/** @type {InputEvent} */ (event)))
    this.listen("input", () => {
      this.#measure()
      this.tell("message:draft", { contact: this.#contact, text: this.#text.value.toWellFormed() })
    })
  }

  /** Puts the cursor where one writes. @override */
  focus() {
    this.#text.focus()
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // 229: the key belongs to an input method, whose end some browsers tell before the key.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    find(this, "form", HTMLFormElement).requestSubmit()
  }

  /** What is pasted or dropped and could not be sent stays out: a field with a megabyte stops the page. @param {InputEvent} event */
  #refuseTooMuch(event) {
    const count = tooMany(event.data ?? "")
    if (count <= 0) return
    event.preventDefault()
    this.#showTooMany(count)
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault()
    // Half of a sign, as some keyboards leave it, can not be sent.
    const text = this.#text.value.trim().toWellFormed()
    if (text === "" || this.#text.disabled || tooMany(text) > 0) return
    this.#text.value = ""
    this.#measure()
    this.tell("message:submit", { contact: this.#contact, text })
  }

  #measure() {
    // Browsers without field-sizing grow by rows.
    this.#text.rows = CSS.supports("field-sizing", "content")
      ? 1
      : Math.min(8, this.#text.value.split("\n").length)
    this.#showTooMany(tooMany(this.#text.value.trim()))
  }

  /** @param {number} count */
  #showTooMany(count) {
    show(this, "note", count <= 0 && !this.#text.disabled)
    show(this, "limit", count > 0)
    fill(this, "limit", count > 0 ? say("composer.too_long", { count }) : "")
  }

  get #text() {
    return /** @type {HTMLTextAreaElement} */ (part(this, "text"))
  }

  get #send() {
    return find(this, ".composer__send", HTMLButtonElement)
  }
}

/** @param {string} text */
function tooMany(text) {
  // No sign takes more than three bytes for each of its units.
  return text.length * 3 <= MAX_BODY_BYTES ? 0 : new TextEncoder().encode(text).length - MAX_BODY_BYTES
}

customElements.define("message-composer", MessageComposer)
