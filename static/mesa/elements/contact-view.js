// What this device knows of a contact. Says `contact:decide` {number, decision}:
// `verify`, `verify-new`, `accept-new`, `block` or `unblock`.

import { MesaElement, clone, fill, find, part } from "./base.js"
import { CopyButton } from "./copy-button.js"
import { shownName } from "./shown.js"
import { say } from "./texts.js"

/** @typedef {import("./views.js").ContactView} Contact */

const GROUP_DIGITS = 5

export class ContactPane extends MesaElement {
  #number = 0

  /** @override */
  connected() {
    this.listenToActs((decision) => this.tell("contact:decide", { number: this.#number, decision }))
  }

  /** @param {Contact} contact */
  set view(contact) {
    const name = shownName(contact.name)
    this.#number = contact.number
    for (const place of this.querySelectorAll("[data-name]")) place.textContent = name
    part(this, "back").setAttribute("href", `#c/${contact.number}`)
    this.#showNumber(contact.safetyNumber)
    const state = contact.danger !== null ? "unsafe" : contact.verified ? "verified" : "unverified"
    for (const notice of this.querySelectorAll("[data-state]"))
      /** @type {HTMLElement} */ (notice).hidden = notice.getAttribute("data-state") !== state
    if (contact.danger !== null) fill(this, "danger", say(`danger.${contact.danger}`, { name }))
    // Two lists of one user's devices have the same number: it does not tell which is right.
    find(this, '[data-act="verify-new"]', HTMLElement).hidden = contact.danger !== "other_keys"
    fill(this, "suite", say(`suite.${contact.suite}`))
    fill(this, "suite-hint", say(`suite.${contact.suite}_hint`, { name }))
    find(this, '[data-act="block"]', HTMLElement).hidden = contact.blocked
    find(this, '[data-act="unblock"]', HTMLElement).hidden = !contact.blocked
  }

  /** @param {string} digits */
  #showNumber(digits) {
    const groups = digits.match(new RegExp(`\\d{${GROUP_DIGITS}}`, "gu")) ?? []
    const shown = groups.flatMap((group) => {
      const item = clone("safety-group")
      item.textContent = group
      return [item, " "]
    })
    part(this, "number").replaceChildren(...shown)
    find(this, "copy-button", CopyButton).text = groups.join(" ")
  }
}

customElements.define("contact-view", ContactPane)
