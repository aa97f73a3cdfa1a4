// A password that can be looked at, with advice about its length and nothing else: no list of words decides here.

import { MesaElement, find, part } from "./base.js"
import { say } from "./texts.js"

const GOOD_LENGTH = 20

class PasswordField extends MesaElement {
  /** @override */
  connected() {
    part(this, "show").hidden = false
    this.listen("click", () => this.#turn(), part(this, "show"))
    if (this.#input.autocomplete === "new-password") this.listen("input", () => this.#advise())
  }

  get #input() {
    return find(this, "input", HTMLInputElement)
  }

  #turn() {
    const isShown = this.#input.type === "password"
    this.#input.type = isShown ? "text" : "password"
    part(this, "show").setAttribute("aria-pressed", String(isShown))
    find(part(this, "show"), ".unseen", HTMLElement).textContent = say(
      isShown ? "password.hide" : "password.show",
    )
  }

  #advise() {
    const left = this.#input.minLength - [...this.#input.value].length
    const enough = [...this.#input.value].length >= GOOD_LENGTH ? "password.good" : "password.enough"
    part(this, "hint").textContent = left > 0 ? say("password.short", { count: left }) : say(enough)
  }
}

customElements.define("password-field", PasswordField)
