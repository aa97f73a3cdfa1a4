// The three steps of making an account. It asks for what is needed; keys and account are made by who listens:
// `sign-up:submit` {username, password, invitation}, then `showCode`; `sign-up:confirmed`, then `finish`.

import { MesaElement, find } from "./base.js"
import { clearErrors, showProblem, switchForm } from "./forms.js"
import { RecoveryCode } from "./recovery-code.js"

/** @typedef {import("./views.js").Problem} Problem */

const FIELD_OF = {
  ...{ user_name: "username", username_taken: "username" },
  ...{ password_short: "password", invitation_refused: "invitation" },
}

export class SignUpFlow extends MesaElement {
  /** @override */
  connected() {
    switchForm(this.#step(1), true)
    this.listen("submit", (event) => this.#submit(event))
  }

  /** Says what is being done. @param {string} key */
  busy(key) {
    switchForm(this.#step(1), false, key)
  }

  /** @param {Problem} problem */
  refuse(problem) {
    switchForm(this.#step(1), true)
    showProblem(this.#step(1), problem, FIELD_OF)
  }

  /** @param {string} code */
  showCode(code) {
    this.#code.code = code
    this.#go(2)
  }

  finish() {
    this.#code.clear()
    this.#go(3)
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault()
    if (!(event.target instanceof HTMLFormElement)) return
    if (event.target.dataset.step === "2") {
      if (this.#code.isConfirmed()) this.tell("sign-up:confirmed")
      return
    }
    clearErrors(event.target)
    const typed = new FormData(event.target)
    this.tell("sign-up:submit", {
      username: String(typed.get("username")),
      password: String(typed.get("password")),
      invitation: String(typed.get("invitation") ?? ""),
    })
  }

  get #code() {
    return find(this, "recovery-code", RecoveryCode)
  }

  /** @param {number} number */
  #step(number) {
    return find(this, `[data-step="${number}"]`, HTMLElement)
  }

  /** @param {number} number */
  #go(number) {
    for (const step of [1, 2, 3]) this.#step(step).hidden = step !== number
    find(this.#step(number), ".step__title", HTMLElement).focus()
  }
}

customElements.define("sign-up-flow", SignUpFlow)
