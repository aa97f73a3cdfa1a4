// Settings. A row is shown once its value is known. Says `settings:change` {name, value}, and `account:log-out`.

import { MesaElement, fill, find, show } from "./base.js"
import { shownName } from "./shown.js"

/** @typedef {import("./views.js").AccountView} AccountView */
/** @typedef {{forward?: boolean, visibility?: string, relay_only?: boolean, refuses_suite_2?: boolean}} Settings */

export class SettingsPanel extends MesaElement {
  /** @type {Settings} */
  #known = {}

  /** @override */
  connected() {
    show(this, "privacy", false)
    this.listen("change", (event) => this.#change(event))
    this.listenToActs(() => this.tell("account:log-out"))
  }

  /** @param {Settings} settings */
  set values(settings) {
    this.#known = { ...this.#known, ...settings }
    for (const [name, value] of Object.entries(settings)) {
      const control = this.querySelector(`[name="${name}"]`)
      if (control instanceof HTMLInputElement) {
        control.checked = value === true
        control.disabled = false
      }
      if (control instanceof HTMLSelectElement) control.value = String(value)
      const row = this.querySelector(`[data-row="${name}"]`)
      if (!(row instanceof HTMLElement)) continue
      row.hidden = false
      show(this, "privacy", true)
    }
  }

  /** Shows again what holds: a change was refused. */
  restore() {
    this.values = this.#known
  }

  /** Whether the browser may delete what this page keeps. @param {boolean} isAtRisk */
  set isAtRisk(isAtRisk) {
    show(this, "at-risk", isAtRisk)
  }

  /** @param {AccountView} account */
  set account(account) {
    fill(this, "name", shownName(account.name))
    fill(this, "fingerprint", account.fingerprint)
    find(this, '[data-act="log-out"]', HTMLButtonElement).disabled = false
  }

  /** @param {Event} event */
  #change(event) {
    const control = event.target
    if (control instanceof HTMLInputElement && control.name !== "")
      this.tell("settings:change", { name: control.name, value: control.checked })
    if (control instanceof HTMLSelectElement && control.name !== "")
      this.tell("settings:change", { name: control.name, value: control.value })
  }
}

customElements.define("settings-panel", SettingsPanel)
