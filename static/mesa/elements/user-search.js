// Begins a chat: looks for a name, then asks for the first words. Says `users:search` {query} and
// `request:send` {username, fingerprint, greeting}; is told by `showFound`, `ask`, `sent` and `refuse`.

import { MesaElement, clone, fill, find, part, show } from "./base.js"
import { sayProblem } from "./forms.js"
import { letterOf, shownName } from "./shown.js"
import { say } from "./texts.js"

/** @typedef {import("./views.js").Problem} Problem */

export class UserSearch extends MesaElement {
  #username = ""
  /** @type {string | null} */
  #fingerprint = null

  /** @override */
  connected() {
    this.listen("submit", (event) => this.#search(event), part(this, "search"))
    this.listen("submit", (event) => this.#send(event), part(this, "request"))
    this.listen("click", (event) => this.#choose(event), part(this, "found"))
    this.listen("click", () => this.#close(), part(this, "invite"))
    const dialog = this.closest("dialog")
    if (dialog !== null) this.listen("close", () => this.#empty(), dialog)
  }

  /** @param {string} query @param {string[]} names */
  showFound(query, names) {
    // Closed meanwhile: whoever opens it again begins anew.
    if (this.closest("dialog")?.open === false) return
    const count = names.length
    fill(
      this,
      "status",
      count === 0 ? say("search.none", { query: shownName(query) }) : say("search.found", { count }),
    )
    part(this, "found").replaceChildren(...names.map(makeFound))
  }

  /**
   * Asks for the first words to somebody; who comes by an invitation brings a fingerprint.
   *
   * @param {string} username
   * @param {string | null} [fingerprint]
   */
  ask(username, fingerprint = null) {
    this.#username = username
    this.#fingerprint = fingerprint
    for (const place of this.querySelectorAll("[data-name]")) place.textContent = shownName(username)
    for (const row of this.querySelectorAll("button[data-username]"))
      row.toggleAttribute("aria-current", row.getAttribute("data-username") === username)
    // Who was invited looks for nobody.
    show(this, "search", fingerprint === null)
    show(this, "request", true)
    find(this, "textarea", HTMLTextAreaElement).focus()
  }

  /** Says that the request is on its way, and begins again. */
  sent() {
    fill(this, "status", say("search.sent", { name: shownName(this.#username) }))
    this.#reset()
  }

  /** @param {Problem} problem */
  refuse(problem) {
    fill(this, "status", sayProblem(problem))
  }

  /** @param {Event} event */
  #search(event) {
    event.preventDefault()
    this.#reset()
    fill(this, "status", say("search.searching"))
    // As names of people are often written.
    const query = this.#field.value.trim().replace(/^@/u, "")
    this.tell("users:search", { query })
  }

  /** @param {Event} event */
  #send(event) {
    event.preventDefault()
    fill(this, "status", say("search.sending"))
    const greeting = find(this, "textarea", HTMLTextAreaElement).value.trim().toWellFormed()
    this.tell("request:send", { username: this.#username, fingerprint: this.#fingerprint, greeting })
  }

  /** @param {Event} event */
  #choose(event) {
    const row = event.target instanceof Element ? event.target.closest("button") : null
    if (row instanceof HTMLButtonElement) this.ask(row.dataset.username ?? "")
  }

  #reset() {
    part(this, "found").replaceChildren()
    show(this, "request", false)
    find(this, "textarea", HTMLTextAreaElement).value = ""
  }

  #empty() {
    this.#reset()
    show(this, "search", true)
    this.#field.value = ""
    fill(this, "status", "")
  }

  get #field() {
    return find(this, 'input[type="search"]', HTMLInputElement)
  }

  #close() {
    const dialog = this.closest("dialog")
    if (dialog !== null) dialog.close()
  }
}

/** @param {string} username */
function makeFound(username) {
  const item = clone("found-user")
  const name = shownName(username)
  find(item, "button", HTMLButtonElement).dataset.username = username
  fill(item, "letter", letterOf(name))
  fill(item, "name", name)
  return item
}

customElements.define("user-search", UserSearch)
