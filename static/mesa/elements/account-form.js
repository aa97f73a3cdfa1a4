// A dialog about the whole account. Says `account:<name>` with what was typed; then `done`, or `refuse`.

import { MesaElement, find } from "./base.js"
import { clearErrors, showProblem, switchForm } from "./forms.js"
import { say } from "./texts.js"

/** @type {Record<string, Record<string, string>>} */
const FIELD_OF = {
  password: { wrong_password: "old", password_short: "new" },
  remove: { wrong_password: "remove-password" },
}

export class AccountForm extends MesaElement {
  /** @override */
  connected() {
    switchForm(this, true)
    this.listen("submit", (event) => this.#submit(event))
    this.listen("close", () => this.#clear(), find(document, `#${this.#name}`, HTMLDialogElement))
  }

  busy() {
    switchForm(this, false, `busy.${this.#name}`)
  }

  /** @param {import("./views.js").Problem} problem */
  refuse(problem) {
    switchForm(this, true)
    showProblem(this, problem, FIELD_OF[this.#name])
  }

  done() {
    switchForm(this, true)
    this.closest("dialog")?.close()
    // Wiping and removing leave the page, and need no word.
    const place = document.querySelector(`[data-done="${this.#name}"]`)
    if (place !== null) place.textContent = say(`done.${this.#name}`)
  }

  /** @param {Event} event */
  #submit(event) {
    const form = event.target
    if (!(form instanceof HTMLFormElement) || form.method === "dialog") return
    event.preventDefault()
    clearErrors(this)
    this.tell(`account:${this.#name}`, Object.fromEntries(new FormData(form)))
  }

  /** Passwords do not stay in a page that nobody looks at. */
  #clear() {
    clearErrors(this)
    find(this, 'form[method="post"]', HTMLFormElement).reset()
  }

  get #name() {
    return this.getAttribute("name") ?? ""
  }
}

customElements.define("account-form", AccountForm)
