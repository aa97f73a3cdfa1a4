// The conversation that is open: its head, what stops sending, messages and composer.
// Says `contact:decide` {number, decision} with `accept-new`, `block`, `noted` or `ask`.

import { MesaElement, fill, find, part, show } from "./base.js"
import { MessageComposer } from "./message-composer.js"
import { letterOf, shownName } from "./shown.js"
import { say } from "./texts.js"

/** @typedef {import("./views.js").ConversationView} ConversationView */

export class ConversationPane extends MesaElement {
  #number = 0

  /** @override */
  connected() {
    this.listenToActs((decision, button) => {
      // A message has acts of its own.
      if (button.closest("message-list") === null)
        this.tell("contact:decide", { number: this.#number, decision })
    })
  }

  /** @param {ConversationView} view */
  set view({ contact, draft }) {
    const name = shownName(contact.name)
    this.#number = contact.number
    fill(this, "name", name)
    fill(this, "letter", letterOf(name))
    for (const place of this.querySelectorAll("[data-name]")) place.textContent = name
    for (const link of ["who", "compare", "look"])
      part(this, link).setAttribute("href", `#contact/${contact.number}`)
    show(this, "verified", contact.verified && contact.danger === null)
    show(this, "unsafe", contact.danger !== null)
    show(this, "suite-2", contact.suite === 2)
    show(this, "changed", contact.danger !== null)
    if (contact.danger !== null) fill(this, "danger", say(`danger.${contact.danger}`, { name }))
    show(this, "unasked", contact.state === "unasked" && contact.danger === null && !contact.blocked)
    this.#showDevices(contact)
    const stopped = contact.blocked ? "blocked" : contact.danger === null ? null : "unsafe"
    find(this, "message-composer", MessageComposer).view = { number: contact.number, name, draft, stopped }
  }

  /** Tells which devices came and went, until the user says that it was seen. @param {ConversationView["contact"]} contact */
  #showDevices({ added, removed, danger }) {
    show(this, "devices", danger === null && added + removed > 0)
    const came = added > 0 ? say("devices.added", { count: added }) : ""
    const went = removed > 0 ? say("devices.removed", { count: removed }) : ""
    fill(this, "devices-count", `${came} ${went}`.trim())
  }
}

customElements.define("conversation-view", ConversationPane)
