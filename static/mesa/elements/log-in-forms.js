// Log in with keys of this browser profile, or with the recovery code. Who listens does it:
// `log-in:submit` {account, password}, `recover:submit` {username, code, password}; `refuse` says why not.

import { MesaElement, cloneOf, find, part } from "./base.js"
import { clearErrors, showProblem, switchForm } from "./forms.js"
import { shownName } from "./shown.js"

/** @typedef {import("./views.js").Problem} Problem @typedef {import("./views.js").KnownAccount} KnownAccount */

const FIELD_OF = {
  ...{ user_name: "username", recovery_refused: "recovery", bad_code: "recovery" },
  ...{ password: "new-password", password_short: "new-password" },
}
const STEPS = ["known", "none", "recover"]

export class LogInForms extends MesaElement {
  #current = "known"
  #first = "known"

  /** The accounts whose keys are here; without one the recovery code is offered. @param {KnownAccount[]} accounts */
  set accounts(accounts) {
    const template = find(this, 'template[data-part="account"]', HTMLTemplateElement)
    part(this, "accounts").replaceChildren(
      ...accounts.map((account, at) => {
        const row = cloneOf(template)
        const input = find(row, "input", HTMLInputElement)
        input.value = String(account.number)
        input.checked = at === 0
        find(row, "bdi", HTMLElement).textContent = shownName(account.name)
        return row
      }),
    )
    this.#first = accounts.length > 0 ? "known" : "none"
    this.#go(this.#first)
  }

  /** @override */
  connected() {
    this.listen("submit", (event) => this.#submit(event))
    this.listen("click", () => this.#go("recover", true), part(this, "forgotten"))
    this.listen("click", () => this.#go("recover", true), part(this, "recover"))
    this.listen("click", () => this.#go(this.#first, true), part(this, "back"))
  }

  /** Says what is being done. @param {string} key */
  busy(key) {
    switchForm(this.#step(this.#current), false, key)
  }

  /** @param {Problem} problem */
  refuse(problem) {
    switchForm(this.#step(this.#current), true)
    showProblem(this.#step(this.#current), problem, FIELD_OF)
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault()
    if (!(event.target instanceof HTMLFormElement)) return
    clearErrors(event.target)
    const typed = new FormData(event.target)
    const password = String(typed.get("password"))
    if (event.target.dataset.step === "known")
      this.tell("log-in:submit", { account: Number(typed.get("account")), password })
    else
      this.tell("recover:submit", {
        username: String(typed.get("username")),
        code: String(typed.get("recovery")),
        password,
      })
  }

  /** @param {string} step */
  #step(step) {
    return find(this, `[data-step="${step}"]`, HTMLElement)
  }

  /** @param {string} current @param {boolean} [isAsked] */
  #go(current, isAsked = false) {
    this.#current = current
    for (const step of STEPS) this.#step(step).hidden = step !== current
    switchForm(this.#step(current), true)
    const place = this.#step(current)
    if (isAsked)
      find(place, place.querySelector("input") === null ? ".step__title" : "input", HTMLElement).focus()
  }
}

customElements.define("log-in-forms", LogInForms)
